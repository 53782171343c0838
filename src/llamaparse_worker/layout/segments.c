/* The characters of one page to segments: what segments.py does in Python with the runs of cut.py, with equal results.
 *
 * Segments and gaps are made by writing into their slots, of which `learn` is told once.
 */
#include "../model/kinds.h"
#include "cut.h"

#include <string.h>

#define VERSION 5

enum { SEGMENT_FIELDS = 13, GAP_FIELDS = 3 };
enum { FIRST_SWITCH = 0xFDD0, LONG = 25 };

static const double ENOUGH = 0.15, SAME_LINE = 0.5;

static Kind segment_kind, gap_kind;
static PyObject *no_text, *no_gaps;

/* A text in the making; `is_apart` says that white space stands before what comes next. */
typedef struct {
    Py_UCS4 *codes;
    Py_ssize_t length;
    int is_apart;
} Writing;

/* Characters of running text: by their size in half points, and all of them. */
typedef struct {
    Py_ssize_t of_sizes[MOST_HALF_POINTS], all;
} Weights;

/* A run that was weighed: its place, and what was counted of it as alone on its line. */
typedef struct {
    double sides[4];
    Py_ssize_t half_points, length;
} Weighed;

/* What is given of a page, and the memory that it takes to cut it. */
typedef struct {
    PyObject *text;
    Py_buffer boxes, sizes, fonts, looks, owners, rules;
    Page page;
    Ink ink;
    Writing writing;                          /* with room for twice the text */
    Weights every, alone;                     /* running text, and what of it stands alone on its line */
    Weighed before;                           /* the last run */
} Sheet;

static void write_code(Writing *writing, Py_UCS4 code) {
    if (code == ZERO_WIDTH_SPACE) return;
    if (Py_UNICODE_ISSPACE(code)) {
        writing->is_apart = 1;
        return;
    }
    if (writing->is_apart && writing->length) writing->codes[writing->length++] = ' ';
    writing->is_apart = 0;
    writing->codes[writing->length++] = code;
}

/* Writes a part of the text with single spaces. */
static void write_part(Sheet *sheet, int32_t first, int32_t last) {
    for (int32_t place = first; place < last; place++) write_code(&sheet->writing, sheet->page.codes[place]);
}

static PyObject *written(const Writing *writing) {
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, writing->codes, writing->length);
}

static PyObject *text_of(Sheet *sheet, const Run *run) {
    if (!(run->traits & UNTIDY)) return PyUnicode_Substring(sheet->text, run->first, run->last);
    sheet->writing.length = sheet->writing.is_apart = 0;
    write_part(sheet, run->first, run->last);
    return written(&sheet->writing);
}

/* Gives the text with a switch wherever its look changes; an empty one for a run that is all plain. */
static PyObject *rich_text_of(Sheet *sheet, const Run *run) {
    const Ink *ink = &sheet->ink;
    if (!run->looks) return Py_NewRef(no_text);
    sheet->writing.length = sheet->writing.is_apart = 0;
    for (Py_ssize_t start = run->start, end; start < run->end; start = end) {
        for (end = start + 1; end < run->end && ink->looks[end] == ink->looks[start]; end++) continue;
        write_code(&sheet->writing, FIRST_SWITCH + ink->looks[start]);
        write_part(sheet, ink->places[start], end < run->end ? ink->places[end] : run->last);
    }
    if (ink->looks[run->end - 1]) sheet->writing.codes[sheet->writing.length++] = FIRST_SWITCH;
    return written(&sheet->writing);
}

static PyObject *gap_behind(const Sheet *sheet, const Run *run, Py_ssize_t index) {
    const int32_t *places = sheet->ink.places;
    PyObject *values[GAP_FIELDS] = {
        PyFloat_FromDouble(hundredths((double)sheet->page.boxes[places[index]].x1)),
        PyFloat_FromDouble(hundredths((double)sheet->page.boxes[places[index + 1]].x0)),
        PyLong_FromSsize_t(index + 1 - run->start),
    };
    return made_of(&gap_kind, values, GAP_FIELDS);
}

static PyObject *gaps_of(const Sheet *sheet, const Run *run) {
    PyObject *gaps = NULL;
    for (Py_ssize_t index = run->start; run->is_spaced && index + 1 < run->end; index++) {
        if (!is_gap(&sheet->page, &sheet->ink, index)) continue;
        PyObject *gap = gap_behind(sheet, run, index);
        if (!gaps) gaps = PyList_New(0);
        const int added = gap && gaps && PyList_Append(gaps, gap) == 0;
        Py_XDECREF(gap);
        if (!added) {
            Py_XDECREF(gaps);
            return NULL;
        }
    }
    if (!gaps) return Py_NewRef(no_gaps);
    PyObject *all = PyList_AsTuple(gaps);
    Py_DECREF(gaps);
    return all;
}

static int are_beside(const double *one, const double *other) {
    const double top = one[1] > other[1] ? one[1] : other[1], bottom = one[3] < other[3] ? one[3] : other[3];
    const double height = one[3] - one[1], beside = other[3] - other[1];
    return bottom - top > SAME_LINE * (height < beside ? height : beside) && (one[2] <= other[0] || other[2] <= one[0]);
}

static void count(Weights *weights, Py_ssize_t half_points, Py_ssize_t length) {
    weights->of_sizes[half_points] += length;
    weights->all += length;
}

/* Counts a long run towards the usual size of running text; 0 if it is too large to be counted. */
static int weigh(Sheet *sheet, const Run *run, const PyObject *text) {
    Weighed *before = &sheet->before;
    const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    const int is_long = length >= LONG && !(run->traits & CODE), is_beside = are_beside(before->sides, run->sides);
    const double half_points = whole(run->size * 2);
    if (is_long && half_points >= MOST_HALF_POINTS) return 0;
    if (is_beside && before->length) count(&sheet->alone, before->half_points, -before->length);
    memcpy(before->sides, run->sides, sizeof before->sides);
    before->length = 0;
    if (!is_long) return 1;
    count(&sheet->every, (Py_ssize_t)half_points, length);
    if (is_beside) return 1;
    count(&sheet->alone, before->half_points = (Py_ssize_t)half_points, before->length = length);
    return 1;
}

/* Makes the segment of a run, in the order of the fields of `Segment`. */
static PyObject *segment_of(Sheet *sheet, const Run *run, PyObject *text) {
    PyObject *values[SEGMENT_FIELDS] = {
        PyFloat_FromDouble(run->sides[0]),
        PyFloat_FromDouble(run->sides[1]),
        PyFloat_FromDouble(run->sides[2]),
        PyFloat_FromDouble(run->sides[3]),
        PyFloat_FromDouble(run->size),
        Py_NewRef(text),
        PyBool_FromLong(run->traits & BOLD),
        PyBool_FromLong(run->traits & CODE),
        PyBool_FromLong(run->traits & SIDEWAYS),
        PyBool_FromLong(run->traits & ITALIC),
        rich_text_of(sheet, run),
        PyLong_FromLong(run->owner),
        gaps_of(sheet, run),
    };
    return made_of(&segment_kind, values, SEGMENT_FIELDS);
}

/* Gives the size in half points that most running text has; 0 where there is not enough of it. */
static Py_ssize_t most_frequent(const Sheet *sheet, const Weights *weights) {
    Py_ssize_t most = 0;
    if ((double)weights->all <= ENOUGH * (double)sheet->ink.count) return 0;
    for (Py_ssize_t size = 0; size < MOST_HALF_POINTS && size <= sheet->ink.largest + 1; size++)
        if (weights->of_sizes[size] >= weights->of_sizes[most]) most = size;
    return most;
}

/* Gives the size in points that most running text has, or else most characters. */
static double usual_size(const Sheet *sheet) {
    const Py_ssize_t every = most_frequent(sheet, &sheet->every), alone = most_frequent(sheet, &sheet->alone);
    Py_ssize_t usual = every > alone ? every : alone;
    for (Py_ssize_t size = 0; !every && !alone && size <= sheet->ink.largest; size++)
        if (sheet->ink.of_sizes[size] > sheet->ink.of_sizes[usual]) usual = size;
    return (double)usual / 2;
}

static int common_look(const Ink *ink) {
    const double most = MOST, all = (double)(ink->count ? ink->count : 1);
    return ((double)ink->bold / all > most ? BOLD : 0) | ((double)ink->italic / all > most ? ITALIC : 0)
        | ((double)ink->code / all > most ? CODE : 0);
}

/* Cuts the page; gives the segments, the usual size and the common look, or None for the general way. */
static PyObject *cut_sheet(Sheet *sheet) {
    if (find_ink(&sheet->page, &sheet->ink) == GENERAL_WAY) Py_RETURN_NONE;
    PyObject *segments = PyList_New(0);
    Run run = {0};
    while (segments && next_run(&sheet->page, &sheet->ink, &run)) {
        PyObject *text = text_of(sheet, &run);
        const int counted = text && weigh(sheet, &run, text);
        PyObject *segment = counted ? segment_of(sheet, &run, text) : NULL;
        const int added = segment && PyList_Append(segments, segment) == 0;
        Py_XDECREF(segment);
        Py_XDECREF(text);
        if (added) continue;
        Py_DECREF(segments);
        if (!PyErr_Occurred()) Py_RETURN_NONE;
        return NULL;
    }
    if (!segments) return NULL;
    return Py_BuildValue("Ndi", segments, usual_size(sheet), common_look(&sheet->ink));
}

/* Tells whether the arrays of a page are as long as its text. */
static int is_whole(const Sheet *sheet) {
    const Py_ssize_t count = PyUnicode_GET_LENGTH(sheet->text);
    return sheet->boxes.len == count * (Py_ssize_t)sizeof(Box) && sheet->sizes.len == count * (Py_ssize_t)sizeof(float)
        && sheet->fonts.len == count * (Py_ssize_t)sizeof(uint16_t)
        && (!sheet->owners.buf || sheet->owners.len == count * (Py_ssize_t)sizeof(int32_t))
        && sheet->rules.len % (Py_ssize_t)sizeof(Rule) == 0 && count < INT32_MAX;
}

static int has_room(Sheet *sheet) {
    const size_t count = (size_t)PyUnicode_GET_LENGTH(sheet->text), fonts = (size_t)sheet->looks.len;
    Page *page = &sheet->page;
    page->codes = PyUnicode_AsUCS4Copy(sheet->text);
    page->looks = PyMem_Malloc(fonts + 1);
    page->pitches = PyMem_Calloc(fonts + 1, sizeof(Pitch));
    sheet->ink.places = PyMem_New(int32_t, count + 1);
    sheet->ink.sizes = PyMem_New(float, count + 1);
    sheet->ink.looks = PyMem_New(uint8_t, count + 1);
    sheet->writing.codes = PyMem_New(Py_UCS4, 2 * count + 1);
    return page->codes && page->looks && page->pitches && sheet->ink.places && sheet->ink.sizes && sheet->ink.looks
        && sheet->writing.codes;
}

static void give_back(Sheet *sheet) {
    Py_buffer *const given[] = {&sheet->boxes, &sheet->sizes, &sheet->fonts, &sheet->looks, &sheet->owners, &sheet->rules};
    void *const room[] = {
        (void *)sheet->page.codes, sheet->page.looks, sheet->page.pitches, sheet->ink.places, sheet->ink.sizes,
        sheet->ink.looks, sheet->writing.codes, sheet,
    };
    for (size_t index = 0; index < sizeof(given) / sizeof(*given); index++) PyBuffer_Release(given[index]);
    for (size_t index = 0; index < sizeof(room) / sizeof(*room); index++) PyMem_Free(room[index]);
}

/* Lets the page speak of the buffers; there must be room. */
static void fill_page(Sheet *sheet) {
    Page *page = &sheet->page;
    page->boxes = sheet->boxes.buf;
    page->sizes = sheet->sizes.buf;
    page->fonts = sheet->fonts.buf;
    page->owners = sheet->owners.buf;
    page->rules = sheet->rules.buf;
    page->count = PyUnicode_GET_LENGTH(sheet->text);
    page->rule_count = sheet->rules.len / (Py_ssize_t)sizeof(Rule);
    page->font_count = sheet->looks.len;
    memcpy(page->looks, sheet->looks.buf, (size_t)page->font_count);
}

static PyObject *cut(PyObject *module, PyObject *arguments) {
    PyObject *made = NULL;
    Sheet *sheet = PyMem_Calloc(1, sizeof(Sheet));
    (void)module;
    if (!sheet) return PyErr_NoMemory();
    if (!segment_kind.class || !gap_kind.class) {
        PyErr_SetString(PyExc_TypeError, "what segments are is not known");
    } else if (PyArg_ParseTuple(
                   arguments, "Uy*y*y*y*z*y*dd", &sheet->text, &sheet->boxes, &sheet->sizes, &sheet->fonts,
                   &sheet->looks, &sheet->owners, &sheet->rules, &sheet->page.width, &sheet->page.height)) {
        if (!is_whole(sheet)) {
            made = Py_NewRef(Py_None);
        } else if (has_room(sheet)) {
            fill_page(sheet);
            made = cut_sheet(sheet);
        } else {
            PyErr_NoMemory();
        }
    }
    give_back(sheet);
    return made;
}

static PyObject *learn(PyObject *module, PyObject *arguments) {
    static const char *const of_segments[SEGMENT_FIELDS] = {
        "x0", "y0", "x1", "y1", "size", "text", "bold", "monospaced", "sideways", "italic", "rich", "owner", "gaps",
    };
    static const char *const of_gaps[GAP_FIELDS] = {"start", "end", "characters"};
    PyObject *segment, *gap;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &segment, &gap)) return NULL;
    if (!learn_kind(&segment_kind, segment, of_segments, SEGMENT_FIELDS)) return NULL;
    if (!learn_kind(&gap_kind, gap, of_gaps, GAP_FIELDS)) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_VARARGS, "Take in where segments and gaps of these classes have their fields."},
    {"cut", cut, METH_VARARGS, "Give the segments of a page, the usual size and the common look; None where it cannot."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_segments", NULL, -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__segments(void) {
    PyObject *module = PyModule_Create(&definition);
    if (!no_text) no_text = PyUnicode_FromStringAndSize(NULL, 0);
    if (!no_gaps) no_gaps = PyTuple_New(0);
    if (module && (!no_text || !no_gaps || PyModule_AddIntConstant(module, "VERSION", VERSION) < 0)) Py_CLEAR(module);
    return module;
}
