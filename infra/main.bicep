// Holdfast in one resource group: the app, its two storage accounts, secrets, telemetry, and what is optional.
targetScope = 'subscription'

// ---- what everyone is asked -----------------------------------------------------------------------------------------

@description('Name of this installation. Part of every resource name, and azd’s environment name.')
@minLength(2)
@maxLength(32)
param environmentName string

@description('Azure region of every resource; one that has Flex Consumption.')
@minLength(4)
@maxLength(40)
@metadata({ azd: { type: 'location' } })
param location string

// ---- what has a default ---------------------------------------------------------------------------------------------

@description('Which defaults apply to the parameters below: dev is cheap and public, prod is private, redundant and always ready.')
@allowed(['dev', 'prod'])
param profile string = 'dev'

@description('Tags of every resource, beside azd’s own.')
param tags object = {}

@description('Closes storage, Key Vault, Event Hubs and telemetry to the public network: virtual network, NAT gateway and private endpoints.')
param private bool = profile == 'prod'

@description('With private: whether clients, and deployments, still reach the app itself from the internet. Without it, deployments must come from inside the virtual network.')
param publicApi bool = true

@description('Address ranges (CIDR) from which the app may be called; everyone where empty. Tokens are asked for in any case.')
@maxLength(100)
param allowedAddresses string[] = []

@description('Address range of the virtual network, at least a /24; used with private only.')
@minLength(9)
@maxLength(18)
param virtualNetworkAddresses string = '10.80.0.0/24'

@description('Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances of the app, over all its groups.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = profile == 'prod' ? 200 : 40

@description('HTTP instances (assessments and management) that are always ready. 0 allows cold starts.')
@minValue(0)
@maxValue(100)
param alwaysReadyHttp int = profile == 'prod' ? 2 : 0

@description('Requests that one HTTP instance takes at once, before another is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 32

@description('How running instances are replaced by a deployment. RollingUpdate lets each finish what it does.')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string = 'RollingUpdate'

@description('Copies kept of the merchant’s data.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_RAGRS'
  'Standard_GZRS'
  'Standard_RAGZRS'
])
param dataRedundancy string = profile == 'prod' ? 'Standard_GZRS' : 'Standard_LRS'

@description('Days for which deleted blobs, containers and vault secrets can be brought back.')
@minValue(7)
@maxValue(90)
param softDeleteDays int = profile == 'prod' ? 30 : 7

@description('Days after which the lake’s files move to the cool tier.')
@minValue(30)
@maxValue(3650)
param lakeCoolAfterDays int = 90

@description('Days after which the lake’s files move to the archive tier, or to the cold one where the redundancy has no archive. What is archived, reports and replays no longer read.')
@minValue(180)
@maxValue(3650)
param lakeArchiveAfterDays int = 730

@description('Days after which the lake’s files are deleted: the retention policy.')
@minValue(365)
@maxValue(3650)
param lakeDeleteAfterDays int = 2555

@description('Days for which logs and telemetry are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = profile == 'prod' ? 90 : 30

@description('Most GB of logs and telemetry a day; -1 for no limit.')
@minValue(-1)
@maxValue(4000)
param logDailyQuotaGb int = profile == 'prod' ? -1 : 2

@description('Mail addresses that alerts go to; alerts only show in the portal where empty.')
@maxLength(10)
param alertAddresses string[] = []

@description('Milliseconds: an alert is raised where 1 % of the assessments of 15 minutes took longer.')
@minValue(50)
@maxValue(60000)
param slowAssessmentMs int = 1000

@description('Object id of an Entra group whose members may read and restore data and write vault secrets; nobody where empty.')
@maxLength(36)
param operatorsGroupId string = ''

@description('Makes an Event Hubs namespace with a hub for events, which the app may send to.')
param eventHubs bool = false

@description('Host name under which clients reach the app, e.g. fraud.example.com; the app’s own name only where empty. See docs/deployment.md for the DNS records and the certificate.')
@maxLength(253)
param customHostName string = ''

@description('With customHostName: name of the certificate in Key Vault.')
@maxLength(127)
param certificateName string = ''

@description('With customHostName: object id, in your tenant, of the service principal “Microsoft Azure App Service”, which reads the certificate.')
@maxLength(36)
param appServicePrincipalId string = ''

// ---- what the app reads (shared/settings.ts) ------------------------------------------------------------------------

@description('Audiences of accepted tokens, separated by commas: client id and application id URI of the app registration. No token is accepted where empty.')
@maxLength(2000)
param audiences string = ''

@description('Environment of requests that name none; the first root where empty.')
@maxLength(512)
param defaultEnvironment string = ''

@description('Refuses requests that name no environment.')
param requireEnvironment bool = false

@description('Roles of whoever has a function key, separated by commas; keys open nothing where empty.')
@maxLength(500)
param functionKeyRoles string = ''

@description('Private or internal addresses that external calls may reach after all; see docs/external-calls.md. None where empty.')
@maxLength(2000)
param externalAllow string = ''

@description('.mmdb file with places of IP addresses: a blob of the container "reference"; see docs/geo-and-bin.md. The built-in country table where empty.')
@maxLength(1024)
param geoCity string = ''

@description('.mmdb file with the autonomous systems of IP addresses, likewise; none where empty.')
@maxLength(1024)
param geoAsn string = ''

@description('CSV file with bank identification numbers, likewise; public ranges only where empty.')
@maxLength(1024)
param binData string = ''

@description('When the nightly runs of loss prevention start: NCRONTAB of six fields, in UTC.')
@minLength(11)
@maxLength(100)
param lossPreventionSchedule string = '0 0 2 * * *'

// ---- resources ------------------------------------------------------------------------------------------------------

var token = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName, application: 'holdfast' })
var names = {
  app: 'func-holdfast-${token}'
  plan: 'plan-holdfast-${token}'
  identity: 'id-holdfast-${token}'
  hostStorage: 'sthost${token}'
  dataStorage: 'stdata${token}'
  keyVault: 'kv-${token}'
  workspace: 'log-holdfast-${token}'
  insights: 'appi-holdfast-${token}'
  network: 'vnet-holdfast-${token}'
  eventHubs: 'evhns-holdfast-${token}'
}
var publicNetworkAccess = private ? 'Disabled' : 'Enabled'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-holdfast-${environmentName}'
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: names.identity, location: location, tags: allTags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
    ingestion: publicNetworkAccess
  }
}

module hostStorage 'modules/hostStorage.bicep' = {
  name: 'hostStorage'
  scope: group
  params: {
    name: names.hostStorage
    location: location
    tags: allTags
    publicNetworkAccess: publicNetworkAccess
    softDeleteDays: softDeleteDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module dataStorage 'modules/dataStorage.bicep' = {
  name: 'dataStorage'
  scope: group
  params: {
    name: names.dataStorage
    location: location
    tags: allTags
    redundancy: dataRedundancy
    publicNetworkAccess: publicNetworkAccess
    softDeleteDays: softDeleteDays
    lakeCoolAfterDays: lakeCoolAfterDays
    lakeArchiveAfterDays: lakeArchiveAfterDays
    lakeDeleteAfterDays: lakeDeleteAfterDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module keyVault 'modules/keyVault.bicep' = {
  name: 'keyVault'
  scope: group
  params: {
    name: names.keyVault
    location: location
    tags: allTags
    publicNetworkAccess: publicNetworkAccess
    softDeleteDays: softDeleteDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module hubs 'modules/eventHubs.bicep' = if (eventHubs) {
  name: 'eventHubs'
  scope: group
  params: {
    name: names.eventHubs
    location: location
    tags: allTags
    publicNetworkAccess: publicNetworkAccess
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    keyVaultName: keyVault.outputs.name
    insightsName: monitoring.outputs.insightsName
    eventHubsName: eventHubs ? hubs!.outputs.name : ''
    appServicePrincipalId: empty(customHostName) ? '' : appServicePrincipalId
  }
}

module network 'modules/network.bicep' = if (private) {
  name: 'network'
  scope: group
  params: {
    name: names.network
    location: location
    tags: allTags
    addresses: virtualNetworkAddresses
    hostStorageId: hostStorage.outputs.id
    dataStorageId: dataStorage.outputs.id
    keyVaultId: keyVault.outputs.id
    eventHubsId: eventHubs ? hubs!.outputs.id : ''
    workspaceId: monitoring.outputs.workspaceId
    insightsId: monitoring.outputs.insightsId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  // the app starts with its first deployment, and needs its roles and its private endpoints by then
  dependsOn: [roles]
  params: {
    name: names.app
    planName: names.plan
    location: location
    tags: allTags
    identityName: identity.outputs.name
    hostStorageName: hostStorage.outputs.name
    packageContainer: hostStorage.outputs.packageContainer
    dataStorageName: dataStorage.outputs.name
    insightsName: monitoring.outputs.insightsName
    workspaceId: monitoring.outputs.workspaceId
    publicNetworkAccess: private && !publicApi ? 'Disabled' : 'Enabled'
    allowedAddresses: allowedAddresses
    subnetId: private ? network!.outputs.appSubnetId : ''
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    httpConcurrency: httpConcurrency
    updateStrategy: updateStrategy
    audiences: audiences
    defaultEnvironment: defaultEnvironment
    requireEnvironment: requireEnvironment
    functionKeyRoles: functionKeyRoles
    externalAllow: externalAllow
    geoCity: geoCity
    geoAsn: geoAsn
    binData: binData
    lossPreventionSchedule: lossPreventionSchedule
  }
}

module appEndpoint 'modules/appEndpoint.bicep' = if (private) {
  name: 'appEndpoint'
  scope: group
  params: {
    appId: app.outputs.id
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    networkId: network!.outputs.id
  }
}

module customDomain 'modules/customDomain.bicep' = if (!empty(customHostName)) {
  name: 'customDomain'
  scope: group
  dependsOn: [roles]
  params: {
    appName: app.outputs.name
    planId: app.outputs.planId
    location: location
    tags: allTags
    hostName: customHostName
    keyVaultId: keyVault.outputs.id
    certificateName: certificateName
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    dataStorageId: dataStorage.outputs.id
    addresses: alertAddresses
    slowAssessmentMs: slowAssessmentMs
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { location: location, tags: allTags, workspaceId: monitoring.outputs.workspaceId }
}

@description('Resource group of everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output SERVICE_API_NAME string = app.outputs.name

@description('Base address for clients.')
output HOLDFAST_URL string = empty(customHostName) ? app.outputs.url : 'https://${customHostName}'

@description('Name of the storage account with the merchant’s data.')
output HOLDFAST_DATA_STORAGE string = dataStorage.outputs.name

@description('Name of the vault for secrets of external calls.')
output HOLDFAST_KEY_VAULT string = keyVault.outputs.name
