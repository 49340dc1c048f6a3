/*
 * Checks of the Bicep sources as text: what they say, not what a compiler makes of it (docs/deployment.md tells why, and
 * how to compile them). A check that a change breaks names the file and what it expects there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { roles } from '../shared/auth/index.ts';
import { readSettings } from '../shared/settings.ts';
import { settingsRead, storagePlaces, triggerConnections, wholeEnvironmentReaders } from './appReads.ts';
import { type Declaration, keysAfter, readSource, readSources, resourcesOf, type Source } from './bicep.ts';

const root = path.resolve(import.meta.dirname, '..');
const sources = readSources(import.meta.dirname);
const everything = sources.map(({ text }) => text).join('\n');

function source(file: string): Source {
  const found = sources.find((each) => each.file === file);
  if (!found) throw new Error(`infra/${file} is missing`);
  return found;
}

function declaration(file: string, name: string): Declaration {
  const found = source(file).declarations.find((each) => each.name === name);
  if (!found) throw new Error(`infra/${file} declares no ${name}`);
  return found;
}

/** Every deployed resource of a type, with its file. */
function all(type: string): [string, Declaration][] {
  return sources.flatMap((each) =>
    resourcesOf(each, type).map((one): [string, Declaration] => [each.file, one]),
  );
}

describe('credentials', () => {
  it('are identities: keys, passwords and connection strings are off wherever a resource has them', () => {
    const off: [string, string[]][] = [
      ['Microsoft.Storage/storageAccounts', ['allowSharedKeyAccess: false', 'allowBlobPublicAccess: false']],
      ['Microsoft.EventHub/namespaces', ['disableLocalAuth: true']],
      ['Microsoft.Insights/components', ['DisableLocalAuth: true']],
      ['Microsoft.OperationalInsights/workspaces', ['disableLocalAuth: true']],
      ['Microsoft.KeyVault/vaults', ['enableRbacAuthorization: true', 'enablePurgeProtection: true']],
    ];
    for (const [type, lines] of off) {
      const found = all(type);
      expect(found.length, type).toBeGreaterThan(0);
      for (const [file, { text }] of found) for (const line of lines) expect(text, file).toContain(line);
    }
    const app = declaration('modules/app.bicep', 'app').text;
    expect(app.match(/'basicPublishingCredentialsPolicies'/g)).toHaveLength(2);
    expect(app.match(/properties: \{ allow: false \}/g)).toHaveLength(2);
    expect(app).toContain("ftpsState: 'Disabled'");
  });

  it('are never read by the template, nor put out', () => {
    expect(everything).not.toMatch(
      /listKeys|listAccountSas|listServiceSas|listSecrets|AccountKey|SharedAccessKey|getSecret/,
    );
    const outputs = sources.flatMap(({ declarations }) =>
      declarations.filter(({ kind }) => kind === 'output'),
    );
    expect(outputs.length).toBeGreaterThan(10);
    for (const { text } of outputs)
      expect(text).not.toMatch(/ConnectionString|InstrumentationKey|password|secret|sas/i);
  });

  it('are none in the pipeline either: it signs in by OIDC', () => {
    const folder = path.join(root, '.github/workflows');
    const workflows = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
    expect(workflows.join('\n')).toContain('id-token: write');
    for (const text of workflows)
      expect(text).not.toMatch(/\bsecrets\.|publish-profile|client-secret|AZURE_CREDENTIALS/);
  });
});

describe('transport', () => {
  it('is TLS 1.2 or newer', () => {
    for (const [file, { text }] of all('Microsoft.Storage/storageAccounts')) {
      expect(text, file).toContain("minimumTlsVersion: 'TLS1_2'");
      expect(text, file).toContain('supportsHttpsTrafficOnly: true');
    }
    for (const [file, { text }] of all('Microsoft.EventHub/namespaces'))
      expect(text, file).toContain("minimumTlsVersion: '1.2'");
    const app = declaration('modules/app.bicep', 'app').text;
    for (const line of ['httpsOnly: true', "minTlsVersion: '1.2'", "scmMinTlsVersion: '1.2'"])
      expect(app).toContain(line);
  });
});

describe('with private = true', () => {
  const closed = "private ? 'Disabled' : 'Enabled'";

  it('no store, vault, hub or telemetry can be reached from the public network', () => {
    expect(declaration('main.bicep', 'publicNetworkAccess').text).toContain(`= ${closed}`);
    const stores = [
      ...all('Microsoft.Storage/storageAccounts'),
      ...all('Microsoft.KeyVault/vaults'),
      ...all('Microsoft.EventHub/namespaces'),
    ];
    expect(stores).toHaveLength(4);
    for (const [file, { text }] of stores) {
      expect(text, file).toContain('publicNetworkAccess: publicNetworkAccess');
      if (text.includes('networkAcls'))
        expect(text, file).toContain("defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'");
    }
    const main = source('main.bicep').text;
    expect(main.match(/publicNetworkAccess: publicNetworkAccess/g)).toHaveLength(4);
    expect(main).toContain('ingestion: publicNetworkAccess');
    for (const { file, text } of sources)
      for (const line of text.matchAll(/^.*publicNetworkAccess\w*: 'Enabled'.*$/gm))
        expect(line[0], file).toContain('publicNetworkAccessForQuery');
    expect(everything.match(/publicAccess: '(\w+)'/g)).toEqual(["publicAccess: 'None'"]);
  });

  it('and publicApi = false, neither can the app', () => {
    expect(declaration('main.bicep', 'app').text).toContain("private && !publicApi ? 'Disabled' : 'Enabled'");
    expect(declaration('modules/app.bicep', 'app').text).toContain(
      'publicNetworkAccess: publicNetworkAccess',
    );
  });

  it('the app finds each of them at a private address', () => {
    const network = source('modules/network.bicep').text;
    const endpoints = [...network.matchAll(/resourceId: ([\w.]+)[,\s]+service: '(\w+)'/g)].map(
      (match) => `${match[1]} ${match[2]}`,
    );
    expect(endpoints.sort()).toEqual([
      'dataStorageId blob',
      'dataStorageId dfs',
      'dataStorageId queue',
      'dataStorageId table',
      'eventHubsId namespace',
      'hostStorageId blob',
      'hostStorageId queue',
      'hostStorageId table',
      'keyVaultId vault',
      'telemetry.id azuremonitor',
    ]);
    expect(declaration('main.bicep', 'app').text).toContain(
      "subnetId: private ? network!.outputs.appSubnetId : ''",
    );
    expect(declaration('main.bicep', 'appEndpoint').text).toContain('= if (private)');
  });
});

describe('roles', () => {
  /** Built-in roles that may be assigned, by what they are assigned on and to whom. A role more is a decision: make it here too. */
  const allowed = {
    'app on hostStorage': [
      'storageBlobDataOwner',
      'storageQueueDataContributor',
      'storageTableDataContributor',
    ],
    'app on dataStorage': [
      'storageBlobDataContributor',
      'storageQueueDataContributor',
      'storageTableDataContributor',
    ],
    'app on vault': ['keyVaultSecretsUser'],
    'app on insights': ['monitoringMetricsPublisher'],
    'app on hubs': ['eventHubsDataSender'],
    'operators on dataStorage': [
      'storageBlobDataContributor',
      'storageQueueDataContributor',
      'storageTableDataContributor',
    ],
    'operators on vault': ['keyVaultSecretsOfficer'],
    'appService on vault': ['keyVaultCertificateUser'],
  };
  const builtIn = {
    storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
    storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
    storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88',
    storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
    keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
    keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
    keyVaultCertificateUser: 'db79e9a7-68ee-4b58-9aeb-b90e7c24fcba',
    monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb',
    eventHubsDataSender: '2b629674-e913-4c01-ae53-ef4638d8f975',
  };
  const principals: Record<string, string> = {
    principalId: 'app',
    operatorsGroupId: 'operators',
    appServicePrincipalId: 'appService',
  };

  it('are assigned in one file, and each assignment is allowed', () => {
    for (const { file, text } of sources)
      if (file !== 'modules/roles.bicep') expect(text, file).not.toContain('roleAssignments@');
    const file = 'modules/roles.bicep';
    const rolesOf = (expression: string): string[] =>
      [
        ...declaration(file, expression)
          .text.split('=')
          .slice(1)
          .join('=')
          .matchAll(/roleIds\.(\w+)|\b(\w+Roles)\b/g),
      ].flatMap((match) => (match[1] ? [match[1]] : rolesOf(match[2] ?? '')));
    const found: Record<string, string[]> = {};
    for (const { text } of resourcesOf(source(file), 'Microsoft.Authorization/roleAssignments')) {
      const scope = /scope: (\w+)/.exec(text)?.[1];
      const principal = principals[/ principalId: (\w+)/.exec(text)?.[1] ?? ''];
      const loop = /for role in (\w+):/.exec(text)?.[1];
      const named = /roleDefinitions', (?:roleIds\.(\w+)|role)\)/.exec(text);
      expect(named, text).not.toBeNull();
      found[`${principal} on ${scope}`] = loop ? rolesOf(loop) : [named?.[1] ?? ''];
    }
    expect(found).toEqual(allowed);
  });

  it('are the built-in ones they are called', () => {
    const ids = [...declaration('modules/roles.bicep', 'roleIds').text.matchAll(/(\w+): '([0-9a-f-]{36})'/g)];
    expect(Object.fromEntries(ids.map((match) => [match[1], match[2]]))).toEqual(builtIn);
  });
});

describe('app settings', () => {
  /** What the Functions runtime reads, not the code. */
  const runtime = [
    'AzureWebJobsStorage__accountName',
    'AzureWebJobsStorage__credential',
    'AzureWebJobsStorage__clientId',
    'APPLICATIONINSIGHTS_CONNECTION_STRING',
    'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
  ];
  /** What the code reads and no deployment sets. */
  const localOnly = {
    HOLDFAST_STORAGE: 'a connection string; on Azure the identity is used',
    AZURE_FUNCTIONS_ENVIRONMENT: 'set by the Core Tools and the local host, by the platform on Azure',
    HOLDFAST_LOSS_PREVENTION_FOLDER: 'an instance on Azure has one temporary folder, the system’s',
  };
  const set = [
    ...keysAfter(declaration('modules/app.bicep', 'settings').text, 'union('),
    ...[...declaration('modules/app.bicep', 'settings').text.matchAll(/\b(HOLDFAST_\w+):/g)].map(
      (match) => match[1] ?? '',
    ),
  ];

  it('that the code reads are set by the Bicep', () => {
    const missing = [...settingsRead()].filter(
      ([name]) => !set.includes(name) && !Object.hasOwn(localOnly, name),
    );
    expect(missing, 'set them in infra/modules/app.bicep, with a parameter in main.bicep').toEqual([]);
  });

  it('that the Bicep sets are read by the code, or by the runtime', () => {
    const read = settingsRead();
    const connections = triggerConnections().map((name) => `${name}__credential`);
    const unread = [...new Set(set)].filter(
      (name) => !read.has(name) && ![...runtime, ...connections].includes(name),
    );
    expect(unread).toEqual([]);
    for (const name of runtime) expect(set).toContain(name);
  });

  it('are read one by one: only one place takes them all, and hands them to the schema', () => {
    expect(wholeEnvironmentReaders()).toEqual(['functions/app.ts']);
  });

  it('of the smallest deployment are ones that the app starts with', () => {
    const settings = readSettings({
      HOLDFAST_STORAGE__accountName: 'stdata0123456789abc',
      HOLDFAST_STORAGE__clientId: '00000000-0000-4000-8000-000000000000',
      HOLDFAST_REQUIRE_ENVIRONMENT: 'false',
      HOLDFAST_FUNCTION_KEYS: '',
    });
    expect(settings.storage).toEqual({
      accountName: 'stdata0123456789abc',
      clientId: '00000000-0000-4000-8000-000000000000',
    });
    expect(settings.tokens).toBeUndefined();
    const text = declaration('modules/app.bicep', 'settings').text;
    // string(true) is 'True' in a template, which the schema refuses
    expect(text).toContain("requireEnvironment ? 'true' : 'false'");
    for (const name of ['HOLDFAST_DEFAULT_ENVIRONMENT', 'HOLDFAST_EXTERNAL_ALLOW', 'HOLDFAST_TENANT_ID'])
      expect(text).toMatch(new RegExp(`\\? \\{\\}\\s*: \\{\\s*${name}`));
  });
});

describe('tables, containers and queues', () => {
  it('that the app opens, it also creates', () => {
    const { opened, created } = storagePlaces();
    const names = new Set(created.map(({ kind, name }) => `${kind} ${name}`));
    expect(opened.length).toBeGreaterThan(10);
    expect(opened.filter(({ kind, name }) => !names.has(`${kind} ${name}`))).toEqual([]);
  });

  it('that the host deploys packages to is in the Bicep', () => {
    expect(declaration('modules/hostStorage.bicep', 'account').text).toContain('name: packages');
    expect(declaration('modules/app.bicep', 'app').text).toMatch(
      /primaryEndpoints\.blob}\$\{packageContainer}/,
    );
  });
});

describe('modules and parameters', () => {
  const paramsOf = ({ declarations }: Source) => declarations.filter(({ kind }) => kind === 'param');
  const isOptional = ({ text }: Declaration) => / = /.test(text.split('\n')[0] ?? '');

  it('each parameter is described, and those of main.bicep are bounded', () => {
    for (const each of sources)
      for (const { name, decorators } of paramsOf(each))
        expect(decorators, `${each.file} ${name}`).toContain('@description(');
    for (const { name, text, decorators } of paramsOf(source('main.bicep')))
      if (/^param \w+ (string|int)/.test(text))
        expect(decorators, name).toMatch(/@(allowed|minLength|maxLength|minValue|maxValue)\(/);
  });

  it('each module gets the parameters that it has, and gives the outputs that are taken', () => {
    for (const { file, declarations } of sources)
      for (const module of declarations.filter(({ kind }) => kind === 'module')) {
        const target = /^module \w+ '([^']+)'/.exec(module.text)?.[1] ?? '';
        const callee = source(path.posix.join(path.posix.dirname(file), target));
        const given = keysAfter(module.text, 'params:').sort();
        const known = paramsOf(callee);
        expect(
          given.filter((name) => !known.some((each) => each.name === name)),
          `${file} ${module.name}`,
        ).toEqual([]);
        expect(
          known.filter((each) => !isOptional(each) && !given.includes(each.name)),
          `${file} ${module.name}`,
        ).toEqual([]);
        const taken = [
          ...source(file).text.matchAll(new RegExp(`\\b${module.name}!?\\.outputs\\.(\\w+)`, 'g')),
        ];
        for (const match of taken)
          expect(
            callee.declarations.some(({ kind, name }) => kind === 'output' && name === match[1]),
            `${callee.file} ${match[1]}`,
          ).toBe(true);
      }
  });

  it('nothing is declared and not used', () => {
    for (const { file, text, declarations } of sources)
      for (const { kind, name } of declarations)
        if (['param', 'var'].includes(kind))
          expect(text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length, `${file} ${name}`).toBeGreaterThan(1);
  });

  it('files that the sources load exist', () => {
    for (const { file, text } of sources)
      for (const match of text.matchAll(/load\w+Content\('([^']+)'\)/g))
        expect(existsSync(path.join(import.meta.dirname, path.dirname(file), match[1] ?? '')), match[1]).toBe(
          true,
        );
  });

  it.each(['main', 'dev', 'prod'])(
    '%s.bicepparam gives parameters that exist, values that are allowed, and all that are needed',
    (name) => {
      const text = readFileSync(path.join(import.meta.dirname, `${name}.bicepparam`), 'utf8');
      expect(text).toContain("using 'main.bicep'");
      const given = new Map(
        [...text.matchAll(/^param (\w+) = (.+)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
      );
      const known = paramsOf(source('main.bicep'));
      for (const each of known) if (!isOptional(each)) expect(given.has(each.name), each.name).toBe(true);
      for (const [param, value] of given) {
        const found = known.find((each) => each.name === param);
        expect(found, param).toBeDefined();
        const limits = found?.decorators ?? '';
        const options = /@allowed\(\[([^\]]*)\]\)/.exec(limits)?.[1];
        if (options && /^('\w+'|\d+)$/.test(value)) expect(options.split(/[\s,]+/)).toContain(value);
        if (/^-?\d+$/.test(value)) {
          expect(Number(value)).toBeGreaterThanOrEqual(
            Number(/@minValue\((-?\d+)\)/.exec(limits)?.[1] ?? value),
          );
          expect(Number(value)).toBeLessThanOrEqual(
            Number(/@maxValue\((-?\d+)\)/.exec(limits)?.[1] ?? value),
          );
        }
      }
    },
  );

  it('production is private, redundant and always ready', () => {
    const text = readFileSync(path.join(import.meta.dirname, 'prod.bicepparam'), 'utf8');
    expect(text).toMatch(/^param private = true$/m);
    expect(text).toMatch(/^param dataRedundancy = 'Standard_(RA)?G?ZRS'$/m);
    expect(Number(/^param alwaysReadyHttp = (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
  });
});

describe('operations', () => {
  it('each alert has its section in docs/operations.md', () => {
    const guide = readFileSync(path.join(root, 'docs/operations.md'), 'utf8');
    const alerts = source('modules/alerts.bicep').text;
    const names = [...alerts.matchAll(/name: '([a-z]+(?:-[a-z]+)+)'/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => name !== 'ag-holdfast');
    expect(names.length).toBeGreaterThan(4);
    for (const name of [...names, 'storage-throttled']) expect(guide, name).toContain(`### ${name}`);
  });

  it('what alerts look for in logs is what the code writes', () => {
    const written: [string, string, string][] = [
      ['circuit breaker of external call', 'shared/external/external.ts', 'circuit breaker of external call'],
      ['because they do not compile', 'shared/config/environmentParts.ts', 'because they do not compile'],
      ['because they do not compile', 'shared/config/snapshot.ts', 'because they do not compile'],
      ['LossPreventionRunFinished', 'functions/lossPrevention.ts', "event: 'LossPreventionRunFinished'"],
      ['events could not be completed', 'functions/recovery.ts', 'events could not be completed'],
      ['is not used, the one before it is', 'shared/scoring/scoring.ts', 'is not used, the one before it is'],
      ["Executed \\'Functions.recovery\\'", 'functions/recovery.ts', "app.timer('recovery'"],
    ];
    const alerts = source('modules/alerts.bicep').text;
    const code = (file: string) =>
      existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : '';
    for (const [looked, file, writes] of written) {
      expect(alerts).toContain(looked);
      expect(code(file), file).toContain(writes);
    }
  });

  it('the workbook is one', () => {
    const workbook = z.object({
      version: z.literal('Notebook/1.0'),
      items: z.array(z.object({ name: z.string() })).min(5),
    });
    expect(
      workbook.safeParse(JSON.parse(readFileSync(path.join(import.meta.dirname, 'workbook.json'), 'utf8')))
        .success,
    ).toBe(true);
  });
});

describe('Entra', () => {
  it('the registration has every role of the code, and no other', () => {
    const registered = z
      .array(
        z.object({
          id: z.guid(),
          value: z.string(),
          displayName: z.string(),
          description: z.string(),
          isEnabled: z.literal(true),
          allowedMemberTypes: z.array(z.enum(['User', 'Application'])),
        }),
      )
      .parse(JSON.parse(readFileSync(path.join(import.meta.dirname, 'entraRoles.json'), 'utf8')));
    expect(registered.map(({ value }) => value).sort()).toEqual([...roles].sort());
    expect(new Set(registered.map(({ id }) => id)).size).toBe(roles.length);
    for (const { value, allowedMemberTypes } of registered)
      expect(allowedMemberTypes.includes('User'), value).toBe(!value.endsWith('_API'));
  });
});

it('readSource knows comments, decorators and declarations', () => {
  const { declarations } = readSource(import.meta.dirname, 'modules/identity.bicep');
  expect(declarations.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'param name',
    'param location',
    'param tags',
    'resource identity',
    'output name',
    'output principalId',
  ]);
  expect(declarations[0]?.decorators).toBe("@description('Name of the identity.')\n@minLength(3)");
});
