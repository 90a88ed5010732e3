export default async function () {
  await globalThis.privatePostgres?.stop();
}
