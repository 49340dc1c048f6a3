// The installation a checkout depends on: private stores, copies in two regions, warm instances. Used by the pipeline.
using 'main.bicep'

param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION')
param profile = 'prod'
param tags = { stage: 'prod' }
param audiences = readEnvironmentVariable('HOLDFAST_AUDIENCES')
param operatorsGroupId = readEnvironmentVariable('HOLDFAST_OPERATORS_GROUP', '')
param alertAddresses = filter(
  split(readEnvironmentVariable('HOLDFAST_ALERT_ADDRESSES', ''), ','),
  address => !empty(address)
)

param private = true
// clients call from outside Azure, with Entra tokens; false where they are in the network, deployments then as well
param publicApi = true
param requireEnvironment = true
param dataRedundancy = 'Standard_GZRS'
param instanceMemoryMB = 2048
param maximumInstanceCount = 200
param alwaysReadyHttp = 2
param httpConcurrency = 32
param softDeleteDays = 30
param logRetentionDays = 90
