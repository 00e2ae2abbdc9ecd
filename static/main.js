/** Begins the page, in the language of its reader. */

import { start } from "./page.js";
import { speak } from "./shared/words.js";

void speak().then(start);
