// Exits with 0 while the server in this container takes work.
const url = `http://127.0.0.1:${process.env.HALFLIGHT_PORT ?? 8000}/health/ready`;
const { ok } = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => ({ ok: false }));
process.exit(ok ? 0 : 1);
