// A short text of the project's own, so that the page can be tried without one.
export const EXAMPLE = `A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku. There will be no war with Azerbaijan, the deputy said the same evening.

Moscow says the interview was torn out of context. The West is waging an information war against us, and its puppets in the region do as they are told. Who speaks of occupation rewrites the history of the common victory, the host went on.

The trains between Baku and Tbilisi run again. Tickets are sold from Monday, the railway said. Analysts call the talk of an imperial comeback exaggerated: the country is weaker than it looks.`;
