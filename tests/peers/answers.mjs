// What a client's script hands to its test: one JSON document, in which errors are values too.

export function print(found) {
  console.log(JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? value.toString() : value)));
}

export async function failure(promise) {
  try {
    return { result: await promise };
  } catch (error) {
    return { name: error?.name, code: error?.status_code ?? error?.code, message: error?.message ?? String(error) };
  }
}
