// Secrets of external calls and certificates. Access by Entra roles only; what is deleted cannot be purged early.
@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Whether the vault can be reached from the public network.')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

@description('Days for which what was deleted can be brought back. Fixed once the vault exists.')
@minValue(7)
@maxValue(90)
param softDeleteDays int

@description('Workspace that the audit log goes to.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: softDeleteDays
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    // App Service reads the certificate of a custom domain as a trusted service
    networkAcls: { bypass: 'AzureServices', defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny' }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'audit', enabled: true }] }
}

@description('Name of the vault.')
output name string = vault.name

@description('Id of the vault.')
output id string = vault.id
