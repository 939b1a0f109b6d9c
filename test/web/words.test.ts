import t from 'tap';
import { pageModule } from './modules.js';

interface Refused {
  new (error: object, status: number | null, retryAfter: string | null): Error;
}

const { Refusal } = await pageModule<{ Refusal: Refused }>('api.js');
const { explain } = await pageModule<{ explain(error: unknown, hasKey: boolean): string }>('words.js');
const refusal = (code: string, retryAfter: string | null = null) =>
  new Refusal({ code, message: `Of ${code}.` }, 400, retryAfter);

t.test('a key that is missing is told from one that is wrong', (t) => {
  t.match(explain(refusal('invalid_api_key'), false), /asks for a key/);
  t.match(explain(refusal('invalid_api_key'), true), /does not know this key/);
  t.end();
});

t.test('what passes says when', (t) => {
  t.match(
    explain(refusal('queue_full', '1'), false),
    /as many requests as it takes. Try again in a second\./,
  );
  t.match(explain(refusal('not_ready', '5'), false), /Try again in 5 seconds\./);
  t.end();
});

t.test('other refusals are in the server’s words, and no answer at all is told too', (t) => {
  t.equal(explain(refusal('invalid_value'), false), 'Of invalid_value.');
  t.match(explain(new TypeError('Failed to fetch'), false), /cannot be reached/);
  t.end();
});
