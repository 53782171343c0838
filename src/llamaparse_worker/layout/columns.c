/* Finds columns that nothing lies between, and those that a text lies over: what columns.py does in Python, with equal
 * results.
 *
 * Sides are read straight from the slots of segments and strips, of which `learn` is told once.
 */
#include "../model/kinds.h"

#include <math.h>

#define VERSION 2

enum { X0, X1, SIDES };
enum { BESIDE = 2 };

static const double TOUCHING = 1.5, SURELY_SHARED = 2;

/* A text of a line: where it begins, which it is sorted by, and ends. */
typedef struct {
    double key, second;
    double end;
} Item;

#include "sorting.h"

/* The texts of lines in their order, with as much room behind them, to sort them in. */
typedef struct {
    Item *texts;
    Py_ssize_t *lines; /* of each text, counted from 1 */
    Py_ssize_t count;
} Texts;

/* Columns from left to right. */
typedef struct {
    double *starts, *ends;
    Py_ssize_t count;
} Columns;

static Kind segment_kind, strip_kind;

static double larger(double one, double other) { return other > one ? other : one; }

/* Reads one side of an object of a known class; gives 0 with an error if it has none that is a number. */
static int read_side(const Kind *kind, PyObject *object, int side, double *found) {
    return is_of(kind, object) && read_number(kind, object, side, found);
}

/* Gives the first of the strips, which stand in order, that does not end before a place. */
static int first_not_before(PyObject *const *strips, Py_ssize_t count, double place, Py_ssize_t *first) {
    Py_ssize_t low = 0, high = count;
    while (low < high) {
        const Py_ssize_t middle = (low + high) / 2;
        double end;
        if (!read_side(&strip_kind, strips[middle], X1, &end)) return 0;
        if (end < place) low = middle + 1;
        else high = middle;
    }
    *first = low;
    return 1;
}

/* Gives the end of the strips from `first` on that begin before a place. */
static int end_of_begun(
    PyObject *const *strips, Py_ssize_t count, Py_ssize_t first, double place, Py_ssize_t *end
) {
    for (*end = first; *end < count; (*end)++) {
        double start;
        if (!read_side(&strip_kind, strips[*end], X0, &start)) return 0;
        if (!(start < place)) break;
    }
    return 1;
}

/* Finds the strip nearest to a place among those beside `at`; the first of several. */
static int nearest_to(PyObject *const *strips, Py_ssize_t count, Py_ssize_t at, double place, Py_ssize_t *nearest) {
    const Py_ssize_t start = at > BESIDE ? at - BESIDE : 0, end = at + BESIDE + 1 < count ? at + BESIDE + 1 : count;
    double least = HUGE_VAL;
    *nearest = start;
    for (Py_ssize_t index = start; index < end; index++) {
        double x0, x1;
        if (!read_side(&strip_kind, strips[index], X0, &x0) || !read_side(&strip_kind, strips[index], X1, &x1))
            return 0;
        const double distance = larger(x0 - place, place - x1);
        if (distance < least) {
            least = distance;
            *nearest = index;
        }
    }
    return 1;
}

static PyObject *spanned(PyObject *module, PyObject *const *arguments, Py_ssize_t given) {
    double x0, x1;
    Py_ssize_t first, end, nearest;
    (void)module;
    if (given != 2 || !(PyList_CheckExact(arguments[1]) || PyTuple_CheckExact(arguments[1])))
        return PyErr_Format(PyExc_TypeError, "a segment and a list of strips are needed");
    PyObject *const *strips = PySequence_Fast_ITEMS(arguments[1]);
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(arguments[1]);
    if (!count) return PyErr_Format(PyExc_ValueError, "there are no strips");
    if (!read_side(&segment_kind, arguments[0], X0, &x0) || !read_side(&segment_kind, arguments[0], X1, &x1))
        return NULL;
    if (!first_not_before(strips, count, x0 + TOUCHING, &first)) return NULL;
    if (!end_of_begun(strips, count, first, x1 - TOUCHING, &end)) return NULL;
    if (end > first) return Py_BuildValue("nn", first, end - 1);
    if (!nearest_to(strips, count, first, (x0 + x1) / 2, &nearest)) return NULL;
    return Py_BuildValue("nn", nearest, nearest);
}

static int is_sequence(PyObject *object) { return PyList_CheckExact(object) || PyTuple_CheckExact(object); }

/* Counts the texts of lines; gives -1 with an error. */
static Py_ssize_t count_texts(PyObject *lines) {
    Py_ssize_t count = 0;
    for (Py_ssize_t index = 0; is_sequence(lines) && index < PySequence_Fast_GET_SIZE(lines); index++) {
        PyObject *line = PySequence_Fast_GET_ITEM(lines, index);
        if (!is_sequence(line)) goto failed;
        count += PySequence_Fast_GET_SIZE(line);
    }
    if (is_sequence(lines)) return count;
failed:
    PyErr_SetString(PyExc_TypeError, "a list of lists of segments is needed");
    return -1;
}

/* Reads all texts, for which there must be room; gives 0 with an error. `are_numbers` says whether all sides are finite. */
static int read_texts(PyObject *lines, Texts *texts, int *are_numbers) {
    *are_numbers = 1;
    for (Py_ssize_t number = 0; number < PySequence_Fast_GET_SIZE(lines); number++) {
        PyObject *line = PySequence_Fast_GET_ITEM(lines, number);
        for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(line); index++) {
            Item *text = &texts->texts[texts->count];
            PyObject *segment = PySequence_Fast_GET_ITEM(line, index);
            text->second = 0;
            if (!read_side(&segment_kind, segment, X0, &text->key) || !read_side(&segment_kind, segment, X1, &text->end))
                return 0;
            if (!isfinite(text->key) || !isfinite(text->end)) *are_numbers = 0;
            texts->lines[texts->count++] = number + 1;
        }
    }
    return 1;
}

/* Gathers sorted texts that lie above each other; 0 where those of one column have no place in common. */
static int find_columns(const Item *sorted, Py_ssize_t count, Columns *columns) {
    double right = 0;
    for (Py_ssize_t start = 0, end; start < count; start = end) {
        double first_end = right = sorted[start].end;
        for (end = start + 1; end < count && sorted[end].key < right; end++) {
            right = larger(right, sorted[end].end);
            if (sorted[end].end < first_end) first_end = sorted[end].end;
        }
        if (first_end - sorted[end - 1].key < SURELY_SHARED) return 0;
        columns->starts[columns->count] = sorted[start].key;
        columns->ends[columns->count++] = right;
    }
    return 1;
}

/* Gives how many columns begin before a place or there. */
static Py_ssize_t begun_at(const Columns *columns, double place) {
    Py_ssize_t low = 0, high = columns->count;
    while (low < high) {
        const Py_ssize_t middle = (low + high) / 2;
        if (place < columns->starts[middle]) high = middle;
        else low = middle + 1;
    }
    return low;
}

/* Tells whether of each two neighbouring columns some line fills both. `filled` has a place for each column and one more
 * at both ends, all zero: the last line that fills it; `together` as well: whether one fills the next one too. */
static int are_filled_together(const Texts *texts, const Columns *columns, Py_ssize_t *filled, char *together) {
    Py_ssize_t pairs = 0;
    for (Py_ssize_t index = 0; index < texts->count; index++) {
        const Py_ssize_t line = texts->lines[index], place = begun_at(columns, texts->texts[index].key);
        filled[place] = line;
        for (Py_ssize_t left = place - 1; left <= place; left++) {
            if (left < 1 || left >= columns->count || filled[left] != line || filled[left + 1] != line) continue;
            pairs += !together[left];
            together[left] = 1;
        }
    }
    return columns->count < 2 || pairs == columns->count - 1;
}

static PyObject *strips_of(const Columns *columns) {
    PyObject *strips = PyList_New(columns->count);
    for (Py_ssize_t index = 0; strips && index < columns->count; index++) {
        PyObject *sides[SIDES] = {PyFloat_FromDouble(columns->starts[index]), PyFloat_FromDouble(columns->ends[index])};
        PyObject *strip = made_of(&strip_kind, sides, SIDES);
        if (strip) PyList_SET_ITEM(strips, index, strip);
        else Py_CLEAR(strips);
    }
    return strips;
}

static PyObject *found_apart(PyObject *lines, Texts *texts, Columns *columns, Py_ssize_t *filled, char *together) {
    int are_numbers;
    if (!read_texts(lines, texts, &are_numbers)) return NULL;
    if (!are_numbers) return Py_NewRef(Py_NotImplemented);
    Item *sorted = texts->texts + texts->count;
    memcpy(sorted, texts->texts, (size_t)texts->count * sizeof(Item));
    sort(sorted, sorted + texts->count, texts->count);
    if (!find_columns(sorted, texts->count, columns)) Py_RETURN_NONE;
    return are_filled_together(texts, columns, filled, together) ? strips_of(columns) : Py_NewRef(Py_None);
}

static PyObject *standing_apart(PyObject *module, PyObject *lines) {
    const Py_ssize_t most = count_texts(lines);
    PyObject *made = NULL;
    (void)module;
    if (most < 0) return NULL;
    Texts texts = {PyMem_New(Item, 3 * most + 1), PyMem_New(Py_ssize_t, most + 1), 0};
    Columns columns = {PyMem_New(double, most + 1), PyMem_New(double, most + 1), 0};
    Py_ssize_t *filled = PyMem_Calloc((size_t)most + 2, sizeof(Py_ssize_t));
    char *together = PyMem_Calloc((size_t)most + 2, 1);
    if (texts.texts && texts.lines && columns.starts && columns.ends && filled && together)
        made = found_apart(lines, &texts, &columns, filled, together);
    else
        PyErr_NoMemory();
    void *const room[] = {texts.texts, texts.lines, columns.starts, columns.ends, filled, together};
    for (size_t index = 0; index < sizeof(room) / sizeof(*room); index++) PyMem_Free(room[index]);
    return made;
}

static PyObject *learn(PyObject *module, PyObject *arguments) {
    static const char *const names[SIDES] = {"x0", "x1"};
    PyObject *segment, *strip;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &segment, &strip)) return NULL;
    if (!learn_kind(&segment_kind, segment, names, SIDES) || !learn_kind(&strip_kind, strip, names, SIDES)) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_VARARGS, "Take in where segments and strips of these classes have their sides."},
    {"standing_apart", standing_apart, METH_O,
     "Give the columns of lines; None where it takes comparing, NotImplemented where sides have no order."},
    {"spanned", (PyCFunction)(void (*)(void))spanned, METH_FASTCALL, "Give the first and last strip of a segment."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_columns", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__columns(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
