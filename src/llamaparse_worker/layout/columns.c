/* Finds the columns that a text lies over: what columns.py does in Python, with equal results.
 *
 * Sides are read straight from the slots of segments and strips, of which `learn` is told once.
 */
#include "../model/kinds.h"

#include <math.h>

#define VERSION 1

enum { X0, X1, SIDES };
enum { BESIDE = 2 };

static const double TOUCHING = 1.5;

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
    {"spanned", (PyCFunction)(void (*)(void))spanned, METH_FASTCALL, "Give the first and last strip of a segment."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_columns", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__columns(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
