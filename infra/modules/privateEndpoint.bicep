// One private endpoint, and its names in private DNS zones that exist already.
@description('Name of the endpoint.')
@minLength(2)
@maxLength(80)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Subnet that the endpoint’s address is in.')
param subnetId string

@description('Resource that the endpoint leads to.')
param resourceId string

@description('Which of the resource’s services: blob, table, vault …')
@minLength(3)
param service string

@description('Private DNS zones that get the endpoint’s names.')
@minLength(1)
param zones string[]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: service, properties: { privateLinkServiceId: resourceId, groupIds: [service] } }
    ]
  }

  resource names 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zone in zones: {
          name: replace(zone, '.', '-')
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zone) }
        }
      ]
    }
  }
}
