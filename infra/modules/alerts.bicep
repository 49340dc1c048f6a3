// What somebody must look at. docs/operations.md says what each alert means and what to do.
@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Workspace with the app’s telemetry.')
param workspaceId string

@description('Id of the data’s storage account.')
param dataStorageId string

@description('Mail addresses that are told.')
param addresses string[]

@description('Milliseconds that 99 % of the assessments of 15 minutes must not exceed.')
@minValue(1)
param slowAssessmentMs int

// the management API and health are not what a checkout waits for
var assessments = 'AppRequests | where isnotempty(Url) and Url !contains "/management/" and Url !contains "/health/" and Url !contains "/dashboards/"'

var logAlerts = [
  {
    name: 'server-errors'
    description: 'Five requests or more of 5 minutes were answered 5xx.'
    severity: 1
    query: 'AppRequests | where toint(ResultCode) >= 500 | summarize value = count()'
    operator: 'GreaterThanOrEqual'
    threshold: 5
    window: 'PT5M'
    every: 'PT5M'
  }
  {
    name: 'slow-assessments'
    description: '1 % of the assessments of 15 minutes took longer than they should.'
    severity: 2
    // below 100 requests the slowest one is the 99th percentile
    query: '${assessments} | summarize value = percentile(DurationMs, 99), requests = count() | where requests >= 100'
    operator: 'GreaterThan'
    threshold: slowAssessmentMs
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'poison-messages'
    description: 'A queue message failed five times and was put aside.'
    severity: 2
    query: 'AppTraces | where Message has "MaxDequeueCount" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'loss-prevention-failed'
    description: 'A run of loss prevention ended without a result: nothing in the lake could be used.'
    severity: 2
    query: 'AppTraces | where SeverityLevel >= 2 and Message has "LossPreventionRunFinished" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    every: 'PT1H'
  }
  {
    name: 'breaker-open'
    description: 'A circuit breaker opened: an external call fails, and rules get its default.'
    severity: 2
    query: 'AppTraces | where Message has "circuit breaker of external call" and Message has "is open" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT5M'
    every: 'PT5M'
  }
  {
    name: 'timer-late'
    description: 'The timer that completes unfinished events has not succeeded for 15 minutes.'
    severity: 1
    query: 'AppTraces | where Message startswith "Executed \'Functions.recovery\' (Succeeded" | summarize value = count()'
    operator: 'LessThan'
    threshold: 1
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'rules-left-out'
    description: 'A published rule no longer compiles, and assessments run without it.'
    severity: 1
    query: 'AppTraces | where Message has "because they do not compile" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'model-refused'
    description: 'A model that was put in force is damaged or of another release, and the one before it scores.'
    severity: 2
    query: 'AppTraces | where Message has "is not used, the one before it is" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'unfinished-events'
    description: 'Events that a dead process left could not be completed.'
    severity: 2
    query: 'AppTraces | where Message has "events could not be completed" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 2
    window: 'PT15M'
    every: 'PT5M'
  }
]

var storageServices = ['table', 'blob', 'queue']

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(addresses)) {
  name: 'ag-holdfast'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'holdfast'
    enabled: true
    emailReceivers: [
      for (address, index) in addresses: {
        name: 'mail-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: 'alert-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Holdfast: ${replace(alert.name, '-', ' ')}'
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      windowSize: alert.window
      evaluationFrequency: alert.every
      autoMitigate: true
      // the tables appear with the first telemetry, after the first deployment
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: 'value'
            operator: alert.operator
            threshold: alert.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(addresses) ? [] : [group.id] }
    }
  }
]

resource throttled 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for service in storageServices: {
    name: 'alert-storage-throttled-${service}'
    location: 'global'
    tags: tags
    properties: {
      description: 'The ${service} service of the data account refuses requests because there are too many.'
      severity: 2
      enabled: true
      scopes: ['${dataStorageId}/${service}Services/default']
      windowSize: 'PT5M'
      evaluationFrequency: 'PT5M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'throttled'
            metricNamespace: 'Microsoft.Storage/storageAccounts/${service}Services'
            metricName: 'Transactions'
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: 20
            dimensions: [
              {
                name: 'ResponseType'
                operator: 'Include'
                values: [
                  'ClientThrottlingError'
                  'ClientAccountRequestThrottlingError'
                  'ClientAccountBandwidthThrottlingError'
                  'ServerBusyError'
                ]
              }
            ]
          }
        ]
      }
      actions: empty(addresses) ? [] : [{ actionGroupId: group.id }]
    }
  }
]
