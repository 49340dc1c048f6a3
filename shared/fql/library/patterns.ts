import { model } from '../gibberish/model.ts';
import { maxConsonants, scoreWith } from '../gibberish/score.ts';
import { fn, type Member, property } from './member.ts';

export const patterns: readonly Member[] = [
  fn(
    '',
    'GetPattern',
    [['text', 'String']],
    'Pattern',
    (s: string) => s,
    'How a text looks: see maxConsonants and gibberScore.',
    ['GetPattern("01gggyturah").maxConsonants', 5],
    { lift: 'map', inline: '$0' },
  ),
  property(
    'Pattern',
    'maxConsonants',
    'Int32',
    maxConsonants,
    'The longest run of consonants (y is one) with no vowel between.',
    ['GetPattern("01gggyturah").maxConsonants', 5],
  ),
  property(
    'Pattern',
    'gibberScore',
    'Double',
    (text: string) => scoreWith(model, text),
    'From 0 (most likely gibberish) to 1 (least likely).',
    ['GetPattern("Maria Garcia").gibberScore > 0.5', true],
  ),
];
