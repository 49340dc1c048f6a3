export { mappingSchema } from './csv/mapping.ts';
export {
  cancelImport,
  createImport,
  faultsFile,
  getImport,
  type ImportState,
  isImporting,
  listImports,
  startImport,
  uploadPart,
} from './service.ts';
export { importNames } from './store.ts';
export { importSchema, importStages, importStatuses, partBytes } from './types.ts';
export { enqueue, sweep, work } from './work.ts';
