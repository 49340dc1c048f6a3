export { checkText } from './check-text.ts';
export { compileRules } from './compile.ts';
export { type EvaluateAnswer, type Evaluated, type EvaluateEnvironment, evaluate } from './evaluate.ts';
export { type EvaluateRequest, evaluateRequest } from './evaluate-request.ts';
export { format } from './formatter.ts';
export { checkFunction, functionLimits } from './function.ts';
export { renderDiagnostics } from './render.ts';
export type * from './types.ts';
export { compileVelocitySet } from './velocity-set.ts';
