/** Requests to a real server, and what its metrics say. */

export function post(url: string, path: string, body: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Text of a completion that is streamed. */
export async function streamText(url: string, body: object): Promise<string> {
  const answer = await post(url, '/v1/completions', { ...body, stream: true });
  const events = (await answer.text()).trim().split('\n\n');
  if (events.pop() !== 'data: [DONE]')
    throw new Error(`the stream does not end with [DONE]: ${events.at(-1)}`);
  const chunks = events.map(
    (event) => JSON.parse(event.slice('data: '.length)) as { choices: { text: string }[] },
  );
  return chunks.map(({ choices: [choice] }) => choice?.text ?? '').join('');
}

/** Value of a metric; `labels` is part of its label list. */
export async function metric(url: string, name: string, labels = ''): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  const line = lines.find((one) => one.startsWith(`${name}{`) && one.includes(labels));
  if (line === undefined) throw new Error(`no metric ${name} with ${labels}`);
  return Number(line.slice(line.lastIndexOf(' ')));
}
