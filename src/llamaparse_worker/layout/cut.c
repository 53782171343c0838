/* The characters of one page to runs of text on one line: what cut.py does with numpy, with equal results.
 *
 * Knows neither Python nor the C library: the caller passes all memory. Arithmetic is that of the arrays: 32 bits for
 * boxes and sizes, 64 bits for sums. Built by config/compile.py; VERSION must change with the meaning of anything here
 * (see compiled_cut.py).
 */
#include <stdint.h>

#define VERSION 2

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

typedef struct { float x0, y0, x1, y1; } Box;
typedef struct { double at, start, end; } Rule;

/* What the letters of a font tell of its pitch. */
typedef struct {
    uint64_t shown;
    int64_t count, alike;
    double width;
} Pitch;

/* The order and types are those of compiled_cut.py. */
typedef struct {
    const uint32_t *codes;
    const Box *boxes;
    const float *sizes;
    const uint16_t *fonts;
    const int32_t *owners;      /* of each character; 0 where the page has no structure */
    const Rule *rules;          /* upright ones, from left to right */
    const uint8_t *spaces;      /* whether a code is white space; the last place stands for all codes behind */
    uint8_t *looks;             /* of each font; fixed pitch is found here */
    Pitch *pitches;             /* of each font, all zero */
    double width, height;
    int64_t count, rule_count, last_space, font_count;
} Page;

typedef struct {
    /* One place a visible character. */
    int32_t *places;
    float *ink_sizes;
    uint8_t *ink_looks;
    /* One place a run. */
    int32_t *firsts, *lasts;    /* in the text, the last one excluded */
    double *boxes;              /* four sides, rounded to two decimals */
    double *run_sizes;
    uint8_t *traits;            /* bits of the looks that most characters have, SIDEWAYS and UNTIDY */
    int32_t *run_owners;
    /* One place a wider space; at most one a visible character. */
    int32_t *gap_runs, *gap_counts;
    double *gap_edges;
    /* One place a change of look, of runs that are not all plain; at most one a visible character. */
    int32_t *look_runs, *look_places;
    uint8_t *look_looks;
    int64_t visible, runs, gaps, looks;
    int64_t bold, italic, code; /* how many visible characters are */
    int64_t *size_counts;       /* by size in half points, the last place for all larger ones; all zero */
} Cut;

enum { BOLD = 1, ITALIC = 2, CODE = 4, RAISED = 8, LOWERED = 16, SIDEWAYS = 32, UNTIDY = 64 };
enum { LETTERS = 62, FIRST_LETTER = 0x41, LAST_LETTER = 0x7E, FEW_LETTERS = 4, LEAST_LETTERS = 8 };
enum { GENERAL_WAY = 1, DONE = 0 };

static const float WIDE_GAP_EM = 0.7f, GAP_EM = 0.36f, SAME_LINE_OVERLAP = 0.4f, BACKWARD_EM = 0.5f;
static const float SMALL = 0.85f, RAISED_SHARE = 0.28f, LOWERED_SHARE = 0.35f, NEAR_EDGE = 0.2f, SAME_WIDTH = 0.03f;
static const double MOST = 0.8, NEAR = 1.35, MOSTLY_EVEN = 0.93;
static const float NEAR_INK = 1.5f;

static float lesser(float one, float other) { return one < other ? one : other; }
static float greater(float one, float other) { return one > other ? one : other; }
static float magnitude(float value) { return value < 0 ? -value : value; }
static int is_number(float value) { return value - value == 0; }

/* Rounds to the nearest hundredth, half to even, as numpy does. */
static double hundredths(double value) {
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves no binary places */
    const double scaled = value * 100;
    if (scaled > 1e15 || scaled < -1e15) return value;
    return ((scaled + shift) - shift) / 100;
}

enum { MOST_HALF_POINTS = 2000 };

static int is_space(const Page *page, uint32_t code) {
    return page->spaces[code <= (uint32_t)page->last_space ? code : (uint32_t)page->last_space + 1];
}

/* Gathers what is ink and stands on the page; characters beyond its right edge, and odd arrays, need the general way. */
static int gather(const Page *page, Cut *cut) {
    int64_t visible = 0, beyond = 0;
    const float width = (float)page->width, height = (float)page->height;
    for (int64_t index = 0; index < page->count; index++) {
        if (is_space(page, page->codes[index])) continue;
        const Box box = page->boxes[index];
        if (!is_number(box.x0 + box.y0 + box.x1 + box.y1) || !is_number(page->sizes[index])) return GENERAL_WAY;
        if (page->fonts[index] >= page->font_count) return GENERAL_WAY;
        if (!(box.y1 > 0 && box.y0 < height)) continue;
        if (box.x0 >= width) beyond++;
        if (!(box.x1 > 0 && box.x0 < width)) continue;
        const float size = page->sizes[index];
        cut->places[visible] = (int32_t)index;
        cut->ink_sizes[visible] = size > 0 ? size : greater(box.y1 - box.y0, 1);
        visible++;
    }
    cut->visible = visible;
    return beyond && visible ? GENERAL_WAY : DONE;
}

static uint64_t letter(char code) { return (uint64_t)1 << (code - FIRST_LETTER); }

static int is_telling(uint64_t shown) {
    uint64_t narrow = 0, wide = 0;
    for (const char *at = "iljtfrI"; *at; at++) narrow |= letter(*at);
    for (const char *at = "mwMW"; *at; at++) wide |= letter(*at);
    int different = 0;
    for (uint64_t left = shown; left; left &= left - 1) different++;
    return different >= LEAST_LETTERS || ((shown & narrow) && (shown & wide));
}

/* Marks fonts of fixed pitch by the widths of their letters. */
static void find_fixed_pitch(const Page *page, const Cut *cut) {
    for (int64_t index = 0; index < cut->visible; index++) {
        const int32_t place = cut->places[index];
        const uint32_t code = page->codes[place];
        if (code < FIRST_LETTER || code > LAST_LETTER) continue;
        const Box box = page->boxes[place];
        Pitch *pitch = &page->pitches[page->fonts[place]];
        const float width = (box.x1 - box.x0) / greater(page->sizes[place], 1);
        if (!pitch->count++) pitch->width = (double)width;
        pitch->alike += magnitude(width - (float)pitch->width) < SAME_WIDTH * (float)pitch->width;
        pitch->shown |= (uint64_t)1 << (code - FIRST_LETTER);
    }
    for (int64_t font = 0; font < page->font_count; font++) {
        const Pitch *pitch = &page->pitches[font];
        if (pitch->count >= FEW_LETTERS && (double)pitch->alike > MOSTLY_EVEN * (double)pitch->count
            && is_telling(pitch->shown))
            page->looks[font] |= CODE;
    }
}

static int is_wide(Box box) { return box.x1 - box.x0 > box.y1 - box.y0; }

/* Tells whether an upright line stands between a character and the next one. */
static int is_parted(const Page *page, Box before, Box after) {
    const double from = (double)(before.x1 - NEAR_INK), to = (double)(after.x0 + NEAR_INK);
    int64_t low = 0, high = page->rule_count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (page->rules[middle].at < from) low = middle + 1;
        else high = middle;
    }
    const float left = (before.x0 + before.x1) / 2, right = (after.x0 + after.x1) / 2;
    const float y = (after.y0 + after.y1) / 2;
    for (; low < page->rule_count && page->rules[low].at < to; low++) {
        const Rule rule = page->rules[low];
        const float at = (float)rule.at;
        if (left < at && at < right && (float)rule.start <= y && y <= (float)rule.end) return 1;
    }
    return 0;
}

static int owner(const Page *page, int32_t place) { return page->owners ? page->owners[place] : -1; }

/* Tells whether a visible character goes on with the run of the one before it. */
static int goes_on(const Page *page, const Cut *cut, int64_t index) {
    const int32_t one = cut->places[index - 1], other = cut->places[index];
    const Box before = page->boxes[one], after = page->boxes[other];
    const float size = greater(cut->ink_sizes[index - 1], cut->ink_sizes[index]);
    const float across = lesser(before.x1, after.x1) - greater(before.x0, after.x0);
    const float down = lesser(before.y1, after.y1) - greater(before.y0, after.y0);
    const float width = lesser(before.x1 - before.x0, after.x1 - after.x0);
    const float height = lesser(before.y1 - before.y0, after.y1 - after.y0);
    const float ahead = after.x0 - before.x1;
    const int upright = down >= SAME_LINE_OVERLAP * height && ahead <= WIDE_GAP_EM * size && ahead >= -BACKWARD_EM * size;
    const int sideways = is_wide(before) && is_wide(after) && across >= SAME_LINE_OVERLAP * width
        && -down <= WIDE_GAP_EM * size;
    /* The letters of a ligature share its box. */
    const int same = before.x0 == after.x0 && before.y0 == after.y0 && before.x1 == after.x1 && before.y1 == after.y1;
    return (upright || sideways || same) && owner(page, one) == owner(page, other)
        && !(page->rule_count && is_parted(page, before, after));
}

/* Marks what stands higher or lower than the line of its run, in smaller type. */
static void mark_shifted(const Page *page, Cut *cut, int64_t start, int64_t end, float largest) {
    const float least = SMALL * largest, far = __builtin_inff();
    float top = far, bottom = -far;
    int any = 0;
    for (int64_t index = start; index < end; index++) {
        const Box box = page->boxes[cut->places[index]];
        if (cut->ink_sizes[index] < least) { any = 1; continue; }
        top = lesser(top, box.y0);
        bottom = greater(bottom, box.y1);
    }
    if (!any) return;
    const float height = bottom - top;
    for (int64_t index = start; index < end; index++) {
        const Box box = page->boxes[cut->places[index]];
        if (!(cut->ink_sizes[index] < least) || cut->ink_looks[index] & CODE) continue;
        if (box.y0 - top > LOWERED_SHARE * height && box.y1 - bottom > -NEAR_EDGE * height)
            cut->ink_looks[index] |= LOWERED;
        else if (bottom - box.y1 > RAISED_SHARE * height && box.y0 - top < NEAR_EDGE * height)
            cut->ink_looks[index] |= RAISED;
    }
}

/* Notes where the look changes within a run that is not all plain. */
static void note_looks(Cut *cut, int64_t run, int64_t start, int64_t end) {
    uint8_t every = 0;
    for (int64_t index = start; index < end; index++) every |= cut->ink_looks[index];
    if (!every) return;
    for (int64_t index = start; index < end; index++) {
        if (index > start && cut->ink_looks[index] == cut->ink_looks[index - 1]) continue;
        cut->look_runs[cut->looks] = (int32_t)run;
        cut->look_places[cut->looks] = cut->places[index];
        cut->look_looks[cut->looks++] = cut->ink_looks[index];
    }
}

/* Notes spaces within a run that are wider than those between words mostly are. */
static void note_gaps(const Page *page, Cut *cut, int64_t run, int64_t start, int64_t end) {
    for (int64_t index = start; index + 1 < end; index++) {
        const Box before = page->boxes[cut->places[index]], after = page->boxes[cut->places[index + 1]];
        const float size = greater(cut->ink_sizes[index], cut->ink_sizes[index + 1]);
        if (!(after.x0 - before.x1 > GAP_EM * size) || is_wide(after)) continue;
        if (cut->ink_looks[index] & cut->ink_looks[index + 1] & CODE) continue;
        cut->gap_runs[cut->gaps] = (int32_t)run;
        cut->gap_counts[cut->gaps] = (int32_t)(index + 1 - start);
        cut->gap_edges[2 * cut->gaps] = hundredths((double)before.x1);
        cut->gap_edges[2 * cut->gaps + 1] = hundredths((double)after.x0);
        cut->gaps++;
    }
}

/* Tells whether a part of the text, which ends with ink, has other white space than single spaces. */
static int is_untidy(const Page *page, int32_t first, int32_t last) {
    for (int32_t place = first; place < last - 1; place++)
        if (is_space(page, page->codes[place])
            && (page->codes[place] != ' ' || is_space(page, page->codes[place + 1])))
            return 1;
    return 0;
}

static void add_run(const Page *page, Cut *cut, int64_t start, int64_t end) {
    const int64_t run = cut->runs++, count = end - start;
    Box around = page->boxes[cut->places[start]];
    int64_t bold = 0, italic = 0, code = 0, wide = 0;
    double sum = 0;
    float largest = cut->ink_sizes[start];
    for (int64_t index = start; index < end; index++) {
        const Box box = page->boxes[cut->places[index]];
        around.x0 = lesser(around.x0, box.x0);
        around.y0 = lesser(around.y0, box.y0);
        around.x1 = greater(around.x1, box.x1);
        around.y1 = greater(around.y1, box.y1);
        sum += (double)cut->ink_sizes[index];
        largest = greater(largest, cut->ink_sizes[index]);
        const uint8_t look = cut->ink_looks[index];
        bold += (look & BOLD) != 0;
        italic += (look & ITALIC) != 0;
        code += (look & CODE) != 0;
        wide += is_wide(box);
    }
    cut->bold += bold;
    cut->italic += italic;
    cut->code += code;
    const double mean = sum / (double)count, most = MOST * (double)count;
    cut->firsts[run] = cut->places[start];
    cut->lasts[run] = cut->places[end - 1] + 1;
    cut->boxes[4 * run] = hundredths((double)around.x0);
    cut->boxes[4 * run + 1] = hundredths((double)around.y0);
    cut->boxes[4 * run + 2] = hundredths((double)around.x1);
    cut->boxes[4 * run + 3] = hundredths((double)around.y1);
    cut->run_sizes[run] = hundredths((double)largest < NEAR * mean ? (double)largest : mean);
    cut->run_owners[run] = owner(page, cut->places[start]);
    /* A dash alone is wider than high, and yet upright. */
    cut->traits[run] = (uint8_t)(((double)bold > most ? BOLD : 0) | ((double)italic > most ? ITALIC : 0)
        | ((double)code > most ? CODE : 0) | (count > 1 && (double)wide > most ? SIDEWAYS : 0)
        | (is_untidy(page, cut->firsts[run], cut->lasts[run]) ? UNTIDY : 0));
    note_gaps(page, cut, run, start, end);
    mark_shifted(page, cut, start, end, largest);
    note_looks(cut, run, start, end);
}

EXPORTED int cut_version(void) { return VERSION; }

/* Fills `cut`; gives GENERAL_WAY, with nothing of use in it, for a page that only cut.py can read. */
EXPORTED int cut_page(const Page *page, Cut *cut) {
    cut->runs = cut->gaps = cut->looks = cut->bold = cut->italic = cut->code = 0;
    if (gather(page, cut) == GENERAL_WAY) return GENERAL_WAY;
    find_fixed_pitch(page, cut);
    for (int64_t index = 0; index < cut->visible; index++) {
        cut->ink_looks[index] = page->looks[page->fonts[cut->places[index]]];
        const float half_points = cut->ink_sizes[index] * 2 + 0.5f;
        cut->size_counts[half_points < MOST_HALF_POINTS ? (int64_t)half_points : MOST_HALF_POINTS]++;
    }
    for (int64_t start = 0, end = 1; start < cut->visible; start = end++) {
        while (end < cut->visible && goes_on(page, cut, end)) end++;
        add_run(page, cut, start, end);
    }
    return DONE;
}
