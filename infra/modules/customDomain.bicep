// A host name of the merchant’s own, with a certificate from the vault. One pass: run again, it changes nothing.
@description('Name of the app.')
param appName string

@description('Id of its plan.')
param planId string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Host name; its DNS records exist already.')
@minLength(4)
param hostName string

@description('Id of the vault with the certificate.')
param keyVaultId string

@description('Name of the certificate in it.')
@minLength(1)
param certificateName string

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource certificate 'Microsoft.Web/certificates@2024-04-01' = {
  name: 'cert-${replace(hostName, '.', '-')}'
  location: location
  tags: tags
  properties: { serverFarmId: planId, keyVaultId: keyVaultId, keyVaultSecretName: certificateName }
}

resource binding 'Microsoft.Web/sites/hostNameBindings@2024-04-01' = {
  parent: app
  name: hostName
  properties: {
    siteName: appName
    hostNameType: 'Verified'
    sslState: 'SniEnabled'
    thumbprint: certificate.properties.thumbprint
  }
}
