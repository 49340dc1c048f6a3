// With private: the virtual network that the app sends from, and the addresses in it at which the app finds its stores.
@description('Name of the virtual network, and beginning of other names.')
@minLength(2)
@maxLength(50)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Address range, at least a /24: its halves of a /25 each are for the app and the private endpoints.')
param addresses string

@description('Id of the host’s storage account.')
param hostStorageId string

@description('Id of the data’s storage account.')
param dataStorageId string

@description('Id of the vault.')
param keyVaultId string

@description('Id of the Event Hubs namespace; none where empty.')
param eventHubsId string

@description('Id of the Log Analytics workspace.')
param workspaceId string

@description('Id of Application Insights.')
param insightsId string

var storageSuffix = environment().suffixes.storage
var zones = {
  blob: 'privatelink.blob.${storageSuffix}'
  queue: 'privatelink.queue.${storageSuffix}'
  table: 'privatelink.table.${storageSuffix}'
  dfs: 'privatelink.dfs.${storageSuffix}'
  vault: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
  hubs: 'privatelink.servicebus.windows.net'
  monitor: 'privatelink.monitor.azure.com'
  oms: 'privatelink.oms.opinsights.azure.com'
  ods: 'privatelink.ods.opinsights.azure.com'
  agents: 'privatelink.agentsvc.azure-automation.net'
}
var storeEndpoints = concat(
  [
    { name: 'host-blob', resourceId: hostStorageId, service: 'blob', zones: [zones.blob] }
    { name: 'host-queue', resourceId: hostStorageId, service: 'queue', zones: [zones.queue] }
    { name: 'host-table', resourceId: hostStorageId, service: 'table', zones: [zones.table] }
    { name: 'data-blob', resourceId: dataStorageId, service: 'blob', zones: [zones.blob] }
    { name: 'data-queue', resourceId: dataStorageId, service: 'queue', zones: [zones.queue] }
    { name: 'data-table', resourceId: dataStorageId, service: 'table', zones: [zones.table] }
    { name: 'data-dfs', resourceId: dataStorageId, service: 'dfs', zones: [zones.dfs] }
    { name: 'vault', resourceId: keyVaultId, service: 'vault', zones: [zones.vault] }
    {
      name: 'monitor'
      resourceId: telemetry.id
      service: 'azuremonitor'
      zones: [zones.monitor, zones.oms, zones.ods, zones.agents, zones.blob]
    }
  ],
  empty(eventHubsId) ? [] : [{ name: 'hubs', resourceId: eventHubsId, service: 'namespace', zones: [zones.hubs] }]
)

// external calls leave by one address, which partners can allow
resource outboundAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource outbound 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: outboundAddress.id }] }
}

resource rules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'https-from-the-network'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addresses] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addresses, 25, 0)
          defaultOutboundAccess: false
          natGateway: { id: outbound.id }
          delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addresses, 25, 1)
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: { id: rules.id }
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'app'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in items(zones): {
    name: zone.value
    location: 'global'
    tags: tags
  }
]

resource dnsLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in items(zones): {
    parent: dnsZones[index]
    name: 'network'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource telemetry 'Microsoft.Insights/privateLinkScopes@2021-07-01-preview' = {
  name: 'ampls-${name}'
  location: 'global'
  tags: tags
  properties: { accessModeSettings: { ingestionAccessMode: 'PrivateOnly', queryAccessMode: 'Open' } }

  resource workspace 'scopedResources' = {
    name: 'workspace'
    properties: { linkedResourceId: workspaceId }
  }

  resource insights 'scopedResources' = {
    name: 'insights'
    properties: { linkedResourceId: insightsId }
  }
}

// one after the other: a zone takes one change at a time
@batchSize(1)
module endpoints 'privateEndpoint.bicep' = [
  for endpoint in storeEndpoints: {
    name: 'endpoint-${endpoint.name}'
    dependsOn: [dnsLinks, telemetry::workspace, telemetry::insights]
    params: {
      name: 'pe-${endpoint.name}-${name}'
      location: location
      tags: tags
      subnetId: network::endpointSubnet.id
      resourceId: endpoint.resourceId
      service: endpoint.service
      zones: endpoint.zones
    }
  }
]

@description('Id of the virtual network.')
output id string = network.id

@description('Id of the subnet that the app sends from.')
output appSubnetId string = network::appSubnet.id

@description('Id of the subnet of the private endpoints.')
output endpointSubnetId string = network::endpointSubnet.id
