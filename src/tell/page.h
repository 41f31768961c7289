/*
 * page.h - a page of text or Markdown: headings, paragraphs, items, pairs, commands.
 *
 * Owns nothing but the state of layout. Everything given is data: control characters are taken out
 * and Markdown's own signs are escaped. For the reports alone.
 */
#ifndef SQUALL_TELL_PAGE_H
#define SQUALL_TELL_PAGE_H

#include <stdio.h>

#include "tell/say.h"

struct page {
	FILE *to;
	bool markdown, colour;
	unsigned width; /* text: columns to wrap at */
};

void page_title(struct page *, const char *text);
void page_head(struct page *, const char *text);
void page_para(struct page *, const char *text);
void page_item(struct page *, enum say_tone, const char *text);
/* Second level: what belongs to the item before. */
void page_sub(struct page *, enum say_tone, const char *key, const char *text);
/* key and value in two columns. */
void page_pair(struct page *, enum say_tone, const char *key, const char *text);
/* A command to paste, on a line of its own, not wrapped. */
void page_command(struct page *, const char *text);
/* Ends a list or table, so that what follows starts anew. */
void page_gap(struct page *);

#endif
