const UNITS = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

const bytes = (quantity) => {
  const [, number, unit] = /^([0-9.]+)([a-zA-Z]*)$/.exec(String(quantity)) ?? [];
  if (!(unit in UNITS)) throw new Error(`${quantity} is not a size that this script knows`);
  return Number(number) * UNITS[unit];
};

(item) => {
  const size = item.spec.resources?.requests?.storage;
  if (size !== undefined && bytes(size) > bytes(params.most)) {
    log.info(`${size} becomes ${params.most}`);
    item.spec.resources.requests.storage = params.most;
  }
  return item;
};
