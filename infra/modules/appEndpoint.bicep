// The app’s own address inside the virtual network, for callers that are in it or connected to it.
@description('Id of the app.')
param appId string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Subnet of the private endpoints.')
param subnetId string

@description('Virtual network that resolves the app’s name to that address.')
param networkId string

var zoneName = 'privatelink.azurewebsites.net'

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zoneName
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: 'network'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: networkId } }
  }
}

module endpoint 'privateEndpoint.bicep' = {
  name: 'endpoint-app'
  params: {
    name: 'pe-${last(split(appId, '/'))}'
    location: location
    tags: tags
    subnetId: subnetId
    resourceId: appId
    service: 'sites'
    zones: [zone.name]
  }
}
