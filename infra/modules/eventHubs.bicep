// Optional: a hub that subscribers outside Holdfast read events from.
@description('Name of the namespace.')
@minLength(6)
@maxLength(50)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Whether the namespace can be reached from the public network.')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicNetworkAccess
    isAutoInflateEnabled: true
    maximumThroughputUnits: 10
  }

  resource hub 'eventhubs' = {
    name: 'events'
    properties: {
      partitionCount: 8
      retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: 72 }
    }
  }
}

@description('Name of the namespace.')
output name string = namespace.name

@description('Id of the namespace.')
output id string = namespace.id
