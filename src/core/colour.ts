/** What colours text at a terminal (ECMA-48, "Select graphic rendition"), wherever it stands. */
export const COLOUR = /\u001b\[[0-9;:]*m/g;
