// A shared installation for trying things: cheap, reachable, scales to zero. Used by the pipeline.
using 'main.bicep'

param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION')
param profile = 'dev'
param tags = { stage: 'dev' }
param audiences = readEnvironmentVariable('HOLDFAST_AUDIENCES', '')

param private = false
param dataRedundancy = 'Standard_LRS'
param instanceMemoryMB = 2048
param maximumInstanceCount = 40
param alwaysReadyHttp = 0
param logRetentionDays = 30
param logDailyQuotaGb = 2
