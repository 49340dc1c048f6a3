// The Flex Consumption plan and the app on it.
@description('Name of the app.')
@minLength(2)
@maxLength(60)
param name string

@description('Name of the plan.')
@minLength(1)
@maxLength(60)
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of the app’s identity.')
param identityName string

@description('Name of the host’s storage account.')
param hostStorageName string

@description('Container in it that packages are deployed to.')
param packageContainer string

@description('Name of the data’s storage account.')
param dataStorageName string

@description('Name of Application Insights.')
param insightsName string

@description('Workspace that logs of the platform go to.')
param workspaceId string

@description('Whether the app can be reached from the public network.')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

@description('Address ranges that may call; all where empty.')
param allowedAddresses string[]

@description('Subnet that the app sends from; the public network where empty.')
param subnetId string

@description('Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Most instances.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('HTTP instances that are always ready.')
@minValue(0)
param alwaysReadyHttp int

@description('Requests that one HTTP instance takes at once.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int

@description('How running instances are replaced.')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string

@description('Audiences of accepted tokens, separated by commas; none where empty.')
param audiences string

@description('Environment of requests that name none; the first root where empty.')
param defaultEnvironment string

@description('Refuses requests that name no environment.')
param requireEnvironment bool

@description('Roles of whoever has a function key, separated by commas.')
param functionKeyRoles string

@description('Addresses that external calls may reach although they are private.')
param externalAllow string

@description('.mmdb file with places of IP addresses; none where empty.')
param geoCity string

@description('.mmdb file with the autonomous systems of IP addresses; none where empty.')
param geoAsn string

@description('CSV file with bank identification numbers; none where empty.')
param binData string

@description('When the nightly runs of loss prevention start (NCRONTAB, UTC).')
param lossPreventionSchedule string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: hostStorageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// every setting that the code reads and an operator may change; shared/settings.ts says what they mean
var settings = union(
  {
    AzureWebJobsStorage__accountName: hostStorageName
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identity.properties.clientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    HOLDFAST_STORAGE__accountName: dataStorageName
    HOLDFAST_STORAGE__credential: 'managedidentity'
    HOLDFAST_STORAGE__clientId: identity.properties.clientId
    HOLDFAST_REQUIRE_ENVIRONMENT: requireEnvironment ? 'true' : 'false'
    HOLDFAST_FUNCTION_KEYS: functionKeyRoles
    HOLDFAST_LOSS_PREVENTION_SCHEDULE: lossPreventionSchedule
    // the rest is for Node.js, the engine's own overhead and the scoring
    HOLDFAST_LOSS_PREVENTION_MEMORY_MB: string(instanceMemoryMB / 4)
  },
  // a setting that is empty counts as a bad one, not as absent
  empty(defaultEnvironment) ? {} : { HOLDFAST_DEFAULT_ENVIRONMENT: defaultEnvironment },
  empty(geoCity) ? {} : { HOLDFAST_GEO_CITY: geoCity },
  empty(geoAsn) ? {} : { HOLDFAST_GEO_ASN: geoAsn },
  empty(binData) ? {} : { HOLDFAST_BIN_DATA: binData },
  empty(externalAllow) ? {} : { HOLDFAST_EXTERNAL_ALLOW: externalAllow },
  empty(audiences)
    ? {}
    : {
        HOLDFAST_TENANT_ID: tenant().tenantId
        HOLDFAST_AUDIENCES: audiences
        HOLDFAST_AUTHORITY: join(take(split(environment().authentication.loginEndpoint, '/'), 3), '/')
      }
)

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identity.id
    functionAppConfig: {
      runtime: { name: 'node', version: '24' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      // All HTTP functions are one group, and each timer and queue function is one of its own, with its own instances:
      // batch work never shares a process with an assessment.
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttp > 0 ? [{ name: 'http', instanceCount: alwaysReadyHttp }] : []
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // newer than the types that compilers know
      #disable-next-line BCP037
      siteUpdateStrategy: { type: updateStrategy }
    }
    siteConfig: {
      appSettings: map(items(settings), setting => { name: setting.key, value: setting.value })
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      ipSecurityRestrictionsDefaultAction: empty(allowedAddresses) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: [
        for (address, index) in allowedAddresses: {
          name: 'allowed-${index}'
          action: 'Allow'
          priority: 100 + index
          ipAddress: address
        }
      ]
    }
  }

  // deployments prove themselves with Entra tokens, never with a password
  resource scmPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource ftpPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

resource metrics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'metrics'
  scope: app
  properties: { workspaceId: workspaceId, metrics: [{ category: 'AllMetrics', enabled: true }] }
}

@description('Name of the app.')
output name string = app.name

@description('Id of the app.')
output id string = app.id

@description('Id of the plan.')
output planId string = plan.id

@description('Address of the app.')
output url string = 'https://${app.properties.defaultHostName}'
