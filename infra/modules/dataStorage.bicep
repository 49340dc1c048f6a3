// The merchant's data: tables, queues, and blobs with a hierarchical namespace. The app makes what it needs in it.
@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Copies kept.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_RAGRS'
  'Standard_GZRS'
  'Standard_RAGZRS'
])
param redundancy string

@description('Whether the account can be reached from the public network.')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

@description('Days for which deleted blobs and containers can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Days until the cool tier.')
@minValue(1)
param lakeCoolAfterDays int

@description('Days until the archive tier, or the cold one.')
@minValue(1)
param lakeArchiveAfterDays int

@description('Days until deletion.')
@minValue(1)
param lakeDeleteAfterDays int

@description('Workspace that metrics and audit logs go to.')
param workspaceId string

// accounts that spread over zones have no archive tier
var oldTier = contains(redundancy, 'ZRS')
  ? { tierToCold: { daysAfterModificationGreaterThan: lakeArchiveAfterDays } }
  : { tierToArchive: { daysAfterModificationGreaterThan: lakeArchiveAfterDays } }

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    isHnsEnabled: true
    isSftpEnabled: false
    isLocalUserEnabled: false
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: { bypass: 'None', defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny' }
  }

  // a hierarchical namespace has soft delete, but neither versions nor restore to a point in time
  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
      containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    }
  }

  resource policy 'managementPolicies' = {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          {
            name: 'lake'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['events/'] }
              actions: {
                baseBlob: union(oldTier, {
                  tierToCool: { daysAfterModificationGreaterThan: lakeCoolAfterDays }
                  delete: { daysAfterModificationGreaterThan: lakeDeleteAfterDays }
                })
              }
            }
          }
          {
            // stays readable: the view of one event shows evidence, and loss prevention (lp-) reads back over years
            name: 'evidenceAndLossPrevention'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['evidence/', 'lp-'] }
              actions: {
                baseBlob: {
                  tierToCool: { daysAfterModificationGreaterThan: lakeCoolAfterDays }
                  delete: { daysAfterModificationGreaterThan: lakeDeleteAfterDays }
                }
              }
            }
          }
        ]
      }
    }
  }
}

resource metrics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'metrics'
  scope: account
  properties: { workspaceId: workspaceId, metrics: [{ category: 'Transaction', enabled: true }] }
}

@description('Name of the account.')
output name string = account.name

@description('Id of the account.')
output id string = account.id
