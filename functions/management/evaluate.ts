import { z } from 'zod';
import { deviceService, enrich } from '../../shared/assessment/enrichment.ts';
import { diagnosticsJson } from '../../shared/config/index.ts';
import { evaluate, evaluateRequest } from '../../shared/fql/index.ts';
import { Problem } from '../../shared/problem.ts';
import type { Reply, Route } from './route.ts';

const evaluationView = z
  .looseObject({
    decision: z.enum(['Approve', 'Reject', 'Review', 'Challenge']),
    reasons: z.array(z.string()),
    supportMessages: z.array(z.string()),
    rule: z.string().nullable(),
    clause: z.string().nullable(),
    ruleEvaluations: z.array(z.object({ rule: z.string(), clauseNames: z.array(z.string()) })),
    diagnostics: z.array(z.looseObject({})),
  })
  .meta({ id: 'RuleEvaluationAnswer' });

/** The sample event, where there is one; whether it is usable is for the language to say. */
const payloadOf = z.object({ payload: evaluateRequest.shape.payload });

/** Trying rules without publishing them (docs/fql.md): compiles and runs what is in the request, and nothing else happens. */
export const evaluateRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: 'environments/{env}/rules/evaluate',
    permission: 'rules.read',
    body: 'json',
    about: {
      operation: 'evaluateRules',
      summary: 'Tries rules on a sample; nothing is published or stored',
      body: evaluateRequest,
      answers: { 200: evaluationView },
    },
    async handler({ app, parameter, body }): Promise<Reply> {
      const snapshot = await app.config.snapshot(parameter('env'));
      const resources = snapshot.chain.at(-1)?.resources;
      const lists = new Map(snapshot.chain.map((environment) => [environment.id, environment]));
      const { payload } = payloadOf.safeParse(body).data ?? {};
      const enrichment = await enrich(app, payload ?? {});
      const evaluated = evaluate(body, {
        now: app.clock(),
        geo: app.geo.lookup,
        bin: app.bins.lookup,
        enrichment,
        device: deviceService(payload ?? {}, enrichment),
        ...(resources ? { resources } : {}),
        // lists in memory are part of the environment; everything else that is not in the request has its default
        answer(request) {
          if (request.kind !== 'list') return undefined;
          const row = lists.get(request.environment)?.list(request.list)?.lookup(request.column, request.key);
          return row === undefined ? undefined : { value: row };
        },
      });
      switch (evaluated.kind) {
        case 'answer':
          return { status: 200, body: evaluated.answer };
        case 'diagnostics':
          throw Problem.unprocessable('The rules do not compile.', {
            code: 'DoesNotCompile',
            extra: { diagnostics: diagnosticsJson(evaluated.diagnostics) },
          });
        case 'invalid':
          throw Problem.badRequest(
            `The body is not usable: ${evaluated.errors.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
            { code: 'InvalidBody', errors: evaluated.errors },
          );
      }
    },
  },
];
