// What `azd up` uses. azd asks for a name and a region; `azd env set NAME value` sets the rest.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

// dev or prod: the defaults of everything else
param profile = readEnvironmentVariable('HOLDFAST_PROFILE', 'dev')

// written by infra/entra.ts, which azd runs first
param audiences = readEnvironmentVariable('HOLDFAST_AUDIENCES', '')

param operatorsGroupId = readEnvironmentVariable('HOLDFAST_OPERATORS_GROUP', '')
param customHostName = readEnvironmentVariable('HOLDFAST_HOST_NAME', '')
param certificateName = readEnvironmentVariable('HOLDFAST_CERTIFICATE', '')
param appServicePrincipalId = readEnvironmentVariable('HOLDFAST_APP_SERVICE_PRINCIPAL', '')
