// Logs and telemetry: one workspace, and Application Insights on top of it. Written with Entra identities only.
@description('Name of the Log Analytics workspace.')
@minLength(4)
param workspaceName string

@description('Name of the Application Insights component.')
@minLength(1)
param insightsName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Days for which data is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Most GB a day; -1 for no limit.')
@minValue(-1)
param dailyQuotaGb int

@description('Whether telemetry is taken from the public network.')
@allowed(['Enabled', 'Disabled'])
param ingestion string

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    publicNetworkAccessForIngestion: ingestion
    // the portal's logs and alerts are read by people; Entra roles say by whom
    publicNetworkAccessForQuery: 'Enabled'
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: ingestion
    publicNetworkAccessForQuery: 'Enabled'
  }
}

@description('Id of the workspace.')
output workspaceId string = workspace.id

@description('Id of Application Insights.')
output insightsId string = insights.id

@description('Name of Application Insights.')
output insightsName string = insights.name
