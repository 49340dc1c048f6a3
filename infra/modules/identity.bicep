// Who the app is, to every other resource.
@description('Name of the identity.')
@minLength(3)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

@description('Name, for modules that refer to it.')
output name string = identity.name

@description('Object id, for role assignments.')
output principalId string = identity.properties.principalId
