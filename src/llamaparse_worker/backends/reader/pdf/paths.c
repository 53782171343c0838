/* The rules and fills of one PDF page in one call: what rules.py does in Python, with equal results.
 *
 * Knows neither Python nor the C library: the caller passes the addresses of PDFium's functions and all memory.
 * Built by config/compile.py; VERSION must change with the meaning of anything here (see compiled_paths.py).
 */
#include <stdint.h>

#define VERSION 2

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

typedef uintptr_t Handle;
typedef struct { float a, b, c, d, e, f; } FileMatrix;

/* The order is that of FUNCTIONS in compiled_paths.py. */
typedef struct {
    int (*kind)(Handle object);
    int (*bounds)(Handle object, float *left, float *bottom, float *right, float *top);
    int (*matrix)(Handle object, FileMatrix *matrix);
    int (*colour)(Handle object, unsigned *red, unsigned *green, unsigned *blue, unsigned *alpha);
    int (*form_count)(Handle form);
    Handle (*form_object)(Handle form, unsigned long index);
    int (*modes)(Handle path, int *fill, int *stroke);
    int (*count)(Handle path);
    Handle (*segment)(Handle path, int index);
    int (*segment_kind)(Handle segment);
    int (*point)(Handle segment, float *x, float *y);
    int (*closes)(Handle segment);
} Functions;

typedef struct { float x0, y0, x1, y1; } Rectangle;

/* The limits, places for as many rectangles of each sort as they allow, and how many there are. */
typedef struct {
    int32_t most_objects, paths_left, deepest, most_rectangles;
    int32_t rules, fills, full;
    Rectangle *rule_boxes, *fill_boxes; /* left, top, right, bottom; a rule has no extent across */
    uint32_t *fill_colours;             /* red, green, blue and alpha from the highest byte */
} Drawn;

typedef struct { double a, b, c, d, e, f; int is_identity; } Matrix;
typedef struct { double x, y; } Point;

enum { PATH = 2, FORM = 5, LINE = 0, MOST_SEGMENTS = 64, NEARLY_WHITE = 248, LEAST_ALPHA = 8, BLACK = 0xFF };

static const double THIN = 3.0, LETTER = 10.0, SLANT = 0.5;
static const Matrix IDENTITY = {1, 0, 0, 1, 0, 0, 1};

static double lesser(double one, double other) { return other < one ? other : one; }
static double greater(double one, double other) { return other > one ? other : one; }
static double magnitude(double value) { return value < 0 ? -value : value; }

static float number(double value) {
    const float kept = (float)value;
    return kept - kept == 0 ? kept : 0;
}

static Matrix matrix_of(const Functions *pdfium, Handle object) {
    FileMatrix found = {0, 0, 0, 0, 0, 0};
    if (!pdfium->matrix(object, &found)) return IDENTITY;
    const Matrix made = {found.a, found.b, found.c, found.d, found.e, found.f, 0};
    return made;
}

static Matrix product(Matrix in, Matrix out) {
    if (out.is_identity) return in;
    const Matrix made = {
        in.a * out.a + in.b * out.c,         in.a * out.b + in.b * out.d,
        in.c * out.a + in.d * out.c,         in.c * out.b + in.d * out.d,
        in.e * out.a + in.f * out.c + out.e, in.e * out.b + in.f * out.d + out.f, 0,
    };
    return made;
}

static Point moved(double x, double y, const Matrix *by) {
    const Point made = {by->a * x + by->c * y + by->e, by->b * x + by->d * y + by->f};
    return made;
}

static void add(Drawn *drawn, Rectangle *boxes, int32_t *count, double x0, double y0, double x1, double y1) {
    if (*count == drawn->most_rectangles) {
        drawn->full = 1;
        return;
    }
    const Rectangle box = {number(x0), number(y0), number(x1), number(y1)};
    boxes[(*count)++] = box;
}

/* Adds a line along its longer side, in the middle of its shorter one. */
static void add_rule(Drawn *drawn, Point one, Point other) {
    const double x0 = lesser(one.x, other.x), x1 = other.x < one.x ? one.x : other.x;
    const double y0 = lesser(one.y, other.y), y1 = other.y < one.y ? one.y : other.y;
    if (x1 - x0 >= y1 - y0) {
        const double middle = (y0 + y1) / 2;
        add(drawn, drawn->rule_boxes, &drawn->rules, x0, middle, x1, middle);
    } else {
        const double middle = (x0 + x1) / 2;
        add(drawn, drawn->rule_boxes, &drawn->rules, middle, y1, middle, y0);
    }
}

/* Takes a filled rectangle that is thin enough for a line, of whatever colour, by its bounds alone. */
static int is_thin(Drawn *drawn, const float *bounds, const Matrix *matrix) {
    Point low = {bounds[0], bounds[1]}, high = {bounds[2], bounds[3]};
    if (!matrix->is_identity) {
        low = high = moved(bounds[0], bounds[1], matrix);
        for (int corner = 1; corner < 4; corner++) {
            const Point at = moved(bounds[corner & 2], bounds[corner & 1 ? 3 : 1], matrix);
            low.x = lesser(low.x, at.x), low.y = lesser(low.y, at.y);
            high.x = greater(high.x, at.x), high.y = greater(high.y, at.y);
        }
    }
    if (lesser(high.x - low.x, high.y - low.y) > THIN) return 0;
    add_rule(drawn, low, high);
    return 1;
}

static uint32_t colour_of(const Functions *pdfium, Handle path) {
    unsigned red = 0, green = 0, blue = 0, alpha = 0;
    if (!pdfium->colour(path, &red, &green, &blue, &alpha)) return BLACK;
    return (red & 255) << 24 | (green & 255) << 16 | (blue & 255) << 8 | (alpha & 255);
}

static int is_darker_than_paper(uint32_t colour) {
    return colour >> 24 < NEARLY_WHITE || (colour >> 16 & 255) < NEARLY_WHITE || (colour >> 8 & 255) < NEARLY_WHITE;
}

static void add_polyline(Drawn *drawn, const Point *points, int count, int stroked, int filled, uint32_t colour) {
    int sides = 0, straight = 1;
    Point low = points[0], high = points[0];
    for (int index = 1; index < count; index++) {
        const Point one = points[index - 1], other = points[index];
        low.x = lesser(low.x, other.x), low.y = lesser(low.y, other.y);
        high.x = greater(high.x, other.x), high.y = greater(high.y, other.y);
        if (one.x == other.x && one.y == other.y) continue;
        const int level = lesser(magnitude(one.x - other.x), magnitude(one.y - other.y)) <= SLANT;
        sides++;
        straight &= level;
        if (stroked && level) add_rule(drawn, one, other);
    }
    const int thin = lesser(high.x - low.x, high.y - low.y) <= THIN;
    if (!stroked && filled && thin && straight && is_darker_than_paper(colour)) add_rule(drawn, low, high);
    if (filled && straight && !thin && (sides == 4 || sides == 5)) {
        add(drawn, drawn->fill_boxes, &drawn->fills, low.x, high.y, high.x, low.y);
        drawn->fill_colours[drawn->fills - 1] = colour;
    }
}

static void add_path(const Functions *pdfium, Drawn *drawn, Handle path, const Matrix *matrix) {
    int fill = 0, stroked = 0;
    float bounds[4] = {0, 0, 0, 0};
    if (!pdfium->modes(path, &fill, &stroked) || !(fill || stroked)) return;
    const int count = pdfium->count(path);
    if (fill && (count == 4 || count == 5) && pdfium->bounds(path, bounds, bounds + 1, bounds + 2, bounds + 3) &&
        is_thin(drawn, bounds, matrix))
        return;
    if (count <= 1 || count > MOST_SEGMENTS) return;
    if (count > 5 && pdfium->bounds(path, bounds, bounds + 1, bounds + 2, bounds + 3) &&
        greater((double)bounds[2] - bounds[0], (double)bounds[3] - bounds[1]) < LETTER)
        return;
    const Matrix own = product(matrix_of(pdfium, path), *matrix);
    const uint32_t colour = fill ? colour_of(pdfium, path) : 0;
    const int filled = (colour & 255) > LEAST_ALPHA;
    Point points[2 * MOST_SEGMENTS]; /* each segment may close the path behind it */
    int known = 0;
    float x = 0, y = 0;
    for (int index = 0; index < count; index++) {
        const Handle segment = pdfium->segment(path, index);
        if (pdfium->segment_kind(segment) != LINE) {
            if (known > 1) add_polyline(drawn, points, known, stroked, filled, colour);
            known = 0;
        }
        pdfium->point(segment, &x, &y);
        points[known++] = moved(x, y, &own);
        if (pdfium->closes(segment) && known > 2) {
            points[known] = points[0];
            known++;
        }
    }
    if (known > 1) add_polyline(drawn, points, known, stroked, filled, colour);
}

static void add_form(const Functions *pdfium, Drawn *drawn, Handle form, const Matrix *outer, int depth);

/* Gives whether more can be taken. */
static int add_object(const Functions *pdfium, Drawn *drawn, Handle object, int kind, const Matrix *matrix, int depth) {
    if (kind != PATH && kind != FORM) return 1;
    if (drawn->paths_left <= 0 || drawn->full) return 0;
    if (kind == PATH) {
        drawn->paths_left--;
        add_path(pdfium, drawn, object, matrix);
    } else if (depth < drawn->deepest) {
        add_form(pdfium, drawn, object, matrix, depth + 1);
    }
    return 1;
}

static void add_form(const Functions *pdfium, Drawn *drawn, Handle form, const Matrix *outer, int depth) {
    const Matrix matrix = product(matrix_of(pdfium, form), *outer);
    const int count = pdfium->form_count(form);
    for (int index = 0; index < count && index < drawn->most_objects; index++) {
        const Handle object = pdfium->form_object(form, (unsigned long)index);
        if (!add_object(pdfium, drawn, object, pdfium->kind(object), &matrix, depth)) return;
    }
}

EXPORTED int paths_version(void) { return VERSION; }

/* Fills `drawn`; with `full` set there was no room for all of it, and nothing in it is of use. */
EXPORTED void paths_read(const Functions *pdfium, const Handle *objects, const int *kinds, int count, Drawn *drawn) {
    for (int index = 0; index < count; index++)
        if (!add_object(pdfium, drawn, objects[index], kinds[index], &IDENTITY, 0)) return;
}
