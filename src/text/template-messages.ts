import { Template } from '@huggingface/jinja';

/** Between the server and the process that renders templates of callers. */
export interface RenderRequest {
  readonly source: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export type RenderResult = { readonly text: string } | { readonly error: string };

/** UTF-16 units of a prompt, twice what a request's body may hold. */
const MAX_TEXT_LENGTH = 4 * 1024 * 1024;

/** Renders in this process; `message` is a RenderRequest that another one sent. */
export function renderMessage(message: unknown): RenderResult {
  const { source, variables } = message as RenderRequest;
  try {
    const text = new Template(source).render(variables);
    return text.length > MAX_TEXT_LENGTH ? { error: 'its text is too long' } : { text };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
