/**
 * tus-js-client as it comes from npm, for test_tus_clients.py: one upload, as the JSON argument says.
 *
 * `path` and `endpoint`; any of the library's own options in `options`; `deferred`: send a stream of unknown length;
 * `storage`: a file that remembers uploads, to resume from; `hold`: before the second PATCH tell the address and wait
 * for a line; `stop`: end there, as a page that is closed; `terminate`: give the upload up there.
 * Each line of the output is JSON: the upload's address, and the error if it failed.
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import tus from "tus-js-client";

const { path, endpoint, options, deferred, storage, hold, stop, terminate } = JSON.parse(process.argv[2]);

// A file would tell its size: a stream does not.
const source = deferred ? createReadStream(path).pipe(new PassThrough()) : createReadStream(path);
const say = (told) => console.log(JSON.stringify(told));
const end = (error) => {
  const response = error?.originalResponse;
  say({ url: upload.url, error: error && { text: error.message, status: response?.getStatus() } });
  process.exit();
};

let patches = 0;
const upload = new tus.Upload(source, {
  endpoint,
  retryDelays: null,
  ...options,
  uploadLengthDeferred: deferred,
  ...(storage ? { urlStorage: new tus.FileUrlStorage(storage) } : {}),
  onSuccess: () => end(),
  onError: end,
  async onBeforeRequest(request) {
    if (request.getMethod() !== "PATCH" || ++patches !== 2) return;
    if (hold) {
      say({ url: upload.url });
      await once(process.stdin, "data");
    }
    if (terminate) await upload.abort(true);
    if (stop || terminate) end();
  },
});

if (storage) {
  const [previous] = await upload.findPreviousUploads();
  if (previous) upload.resumeFromPreviousUpload(previous);
}
upload.start();
