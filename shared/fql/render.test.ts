import { expect, test } from 'vitest';
import { samplePayload, sampleResources } from './conformance/sample.ts';
import { checkText, renderDiagnostics } from './index.ts';

const shown = (text: string) =>
  renderDiagnostics(checkText(text, { ...sampleResources, samplePayload }), () => ({
    name: 'rule.fql',
    text,
  })).trimEnd();

test('a misspelt member', () => {
  expect(
    shown('RETURN Review()\nWHEN @"user.email".EndWith("@contoso.com")'),
  ).toBe(`rule.fql:2:20: error [unknown-member]
  |
2 | WHEN @"user.email".EndWith("@contoso.com")
  |                    ^^^^^^^
No type has a member EndWith. Did you mean EndsWith?`);
});

test('a text that is compared with a number', () => {
  expect(shown('RETURN Review() WHEN @"zipcode".Trim() > 5')).toBe(`rule.fql:1:22: error [type-mismatch]
  |
1 | RETURN Review() WHEN @"zipcode".Trim() > 5
  |                      ^^^^^^^^^^^^^^^^^^^^^
A String cannot be compared with an Int32. Cast it with .ToInt32().`);
});

test('all mistakes of a clause, in their order', () => {
  expect(
    shown(
      'LET $limit = 5\nRETURN Reject("x", "y", "z")\nWHEN $limt > 3 and ContainsKey("Risky emails", "Emial", @"user.email")',
    ),
  ).toBe(`rule.fql:2:8: error [argument-count]
  |
2 | RETURN Reject("x", "y", "z")
  |        ^^^^^^^^^^^^^^^^^^^^^
Write Reject("reason", "message"), both optional.

rule.fql:3:6: error [unknown-variable]
  |
3 | WHEN $limt > 3 and ContainsKey("Risky emails", "Emial", @"user.email")
  |      ^^^^^
$limt is not defined. Define it with LET $limt = … before it is used. Did you mean $limit?

rule.fql:3:48: error [unknown-column]
  |
3 | WHEN $limt > 3 and ContainsKey("Risky emails", "Emial", @"user.email")
  |                                                ^^^^^^^
The list "Risky emails" has no column "Emial". Did you mean "Email"?`);
});

test('an attribute that the sample payload lacks', () => {
  expect(
    shown('RETURN Reject()\nWHEN @"user.emial" == "a" or @"productList.typ" == "b" or @"usr.email" == "c"'),
  ).toBe(`rule.fql:2:6: warning [unknown-attribute]
  |
2 | WHEN @"user.emial" == "a" or @"productList.typ" == "b" or @"usr.email" == "c"
  |      ^^^^^^^^^^^^^
user of the sample payload has no emial. Did you mean @"user.email"?

rule.fql:2:30: warning [unknown-attribute]
  |
2 | WHEN @"user.emial" == "a" or @"productList.typ" == "b" or @"usr.email" == "c"
  |                              ^^^^^^^^^^^^^^^^^^
productList of the sample payload has no typ. Did you mean @"productList.type"?

rule.fql:2:59: warning [unknown-attribute]
  |
2 | WHEN @"user.emial" == "a" or @"productList.typ" == "b" or @"usr.email" == "c"
  |                                                           ^^^^^^^^^^^^
The sample payload has no usr. Did you mean @"user"?`);
});

test('two attributes whose types nothing says', () => {
  expect(
    shown('RETURN Reject() WHEN @"totalAmount" > @"salesTax"'),
  ).toBe(`rule.fql:1:22: warning [untyped-comparison]
  |
1 | RETURN Reject() WHEN @"totalAmount" > @"salesTax"
  |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
Nothing says what type these attributes have, so they are compared as Strings. Cast one, as in Convert.ToDouble(…), if they are numbers or dates.`);
});

test.each([
  [
    'a velocity window out of range',
    'RETURN Reject() WHEN Velocity.totalSpending_perUser(@"user.userId", 100d) > 1',
    '100d is no time window. Windows are 1s to 59s, 1m to 59m, 1h to 23h and 1d to 90d.',
  ],
  [
    'a single equals sign',
    'RETURN Reject() WHEN @"user.email" = "a"',
    'A single "=" compares nothing. Write "==" to compare two values.',
  ],
  [
    'a word for a decision',
    'RETURN Decline() WHEN 1 == 1',
    'RETURN needs a decision first: Approve(), Reject(), Review() or Challenge("…").',
  ],
  [
    'an observation after RETURN',
    'RETURN Output(a = 1)',
    'RETURN needs a decision first: Approve(), Reject(), Review() or Challenge("…"). Without a decision, use OBSERVE.',
  ],
  [
    'a support list used as a list',
    'RETURN Reject() WHEN ContainsKey("Email Support List", "Email", @"user.email")',
    'There is no list "Email Support List" in this environment. It is a support list: ask InSupportList, IsSafe, IsBlock or IsWatch.',
  ],
  [
    'an attribute without its sign',
    'RETURN Reject() WHEN riskScore > 5',
    'riskScore means nothing here. An attribute is written @"riskScore", a text "riskScore".',
  ],
  [
    'a WHEN that is never true',
    'RETURN Reject() WHEN @"user.email" == "a" and 1 == 2',
    'This WHEN is never true: the clause does nothing.',
  ],
  [
    'a variable that is never used',
    'LET $a = 5\nRETURN Reject() WHEN @"user.email" == "a"',
    '$a is never used.',
  ],
  [
    'a call in a velocity',
    'SELECT Count() AS n FROM Purchase WHEN External.noArguments().risk > 5 GROUPBY @"user.email"',
    'An external call inside a velocity is made for every event, after the decision.',
  ],
  [
    'a model where a number is wanted',
    'RETURN Reject() WHEN Model.Risk() > 500',
    'A model result cannot be compared with an Int32. Take its .Score.',
  ],
  [
    'SQL of other languages',
    'RETURN Reject() WHEN @"user.email" LIKE "a"',
    'Expected the end of the text or another statement, found "LIKE". Ask .Contains("…"), .StartsWith("…"), .EndsWith("…") or Patterns.IsRegexMatch("…", text).',
  ],
  [
    'a keyword that is misspelt',
    'RETURN Reject() WEHN 1 == 1',
    'Expected the end of the text or another statement, found "WEHN". Did you mean WHEN?',
  ],
  [
    'two attributes joined, compared with a number',
    'LET $sum = @"totalAmount" + @"salesTax"\nRETURN Reject() WHEN $sum > 5',
    'A String cannot be compared with an Int32. "+" has joined two texts. To add numbers, cast them: @"a".ToDouble() + @"b".',
  ],
  [
    'a constant that is no date',
    'RETURN Reject() WHEN @"user.creationDate".Date > "2024-13-01"',
    'The right side of the comparison must be a DateTime, and "2024-13-01" is no date. Write it as in "2024-05-01" or "2024-05-01T11:04:30Z".',
  ],
  [
    'a path without quotes',
    'RETURN Reject() WHEN @user.email == "a"',
    'No type has a member email. The path of an attribute stands in quotes, dots and all: @"user.email".',
  ],
  [
    'a path without quotes and sign',
    'RETURN Reject() WHEN user.email == "a"',
    'user means nothing here. An attribute is written @"user.email".',
  ],
  [
    'a dash for a minus',
    'RETURN Reject() WHEN 5 > @"totalAmount" –',
    '"–" means nothing here. A minus is written "-".',
  ],
])('the message for %s', (_, text, message) => {
  expect(checkText(text, { ...sampleResources, samplePayload }).map((d) => d.message)).toEqual([message]);
});

test('tabs do not move the underline', () => {
  expect(shown('RETURN Reject()\nWHEN\t\t$x > 5')).toContain('2 | WHEN        $x > 5\n  |             ^^');
});
