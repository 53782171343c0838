/* Gathers segments by their heights and finds the columns that they lie over: what levels.py and columns.py do in
 * Python, with equal results.
 *
 * Sides are read straight from the slots of segments and strips, of which `learn` is told once. Sorting keeps the order
 * of what is equal, as Python does. Sides that are no finite numbers have no order: these are left to Python.
 */
#include "../model/slots.h"

#include <math.h>
#include <string.h>

#define VERSION 2

enum { X0, Y0, X1, Y1, SIDES };
enum { BESIDE = 2, FEW = 8 };

static const double SAME_LINE = 0.5, TOUCHING = 1.5;

/* A class with slots for sides; a strip has no use for two of the places. */
typedef struct {
    PyTypeObject *class;
    Py_ssize_t offsets[SIDES];
} Layout;

static Layout segment_layout, strip_layout;

/* A segment, a borrowed reference, and what it is sorted by: the key, then the second one. */
typedef struct {
    PyObject *segment;
    double key, second;
    double sides[SIDES];
} Item;

typedef struct {
    PyObject *sequence; /* holds the segments */
    Item *items;        /* with as much room behind them, to sort them in */
    Py_ssize_t count;
} Items;

static double lesser(double one, double other) { return other < one ? other : one; }
static double larger(double one, double other) { return other > one ? other : one; }

/* Reads one side of an object of a known class; gives 0 with an error if it has none that is a number. */
static int read_side(const Layout *layout, PyObject *object, int side, double *found) {
    if (!layout->class || !PyObject_TypeCheck(object, layout->class)) {
        PyErr_Format(PyExc_TypeError, "%s has no sides", Py_TYPE(object)->tp_name);
        return 0;
    }
    PyObject *value = *(PyObject **)((char *)object + layout->offsets[side]);
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "a side is missing");
        return 0;
    }
    *found = PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : PyFloat_AsDouble(value);
    return !(*found == -1.0 && PyErr_Occurred());
}

static void drop(Items *items) {
    PyMem_Free(items->items);
    Py_CLEAR(items->sequence);
}

/* Reads all segments; gives 0 with an error. `are_numbers` says whether every side is finite. */
static int read_items(PyObject *segments, Items *items, int *are_numbers) {
    *items = (Items){PySequence_Fast(segments, "segments are needed"), NULL, 0};
    if (!items->sequence) return 0;
    items->count = PySequence_Fast_GET_SIZE(items->sequence);
    items->items = PyMem_New(Item, 2 * items->count + 1);
    *are_numbers = 1;
    if (!items->items) PyErr_NoMemory();
    for (Py_ssize_t index = 0; items->items && index < items->count; index++) {
        Item *item = &items->items[index];
        item->segment = PySequence_Fast_GET_ITEM(items->sequence, index);
        for (int side = 0; side < SIDES; side++) {
            if (!read_side(&segment_layout, item->segment, side, &item->sides[side])) goto failed;
            if (!isfinite(item->sides[side])) *are_numbers = 0;
        }
    }
    if (items->items) return 1;
failed:
    drop(items);
    return 0;
}

static int is_before(const Item *one, const Item *other) {
    return one->key < other->key || (one->key == other->key && one->second < other->second);
}

static void sort_few(Item *items, Py_ssize_t count) {
    for (Py_ssize_t index = 1; index < count; index++) {
        const Item item = items[index];
        Py_ssize_t place = index;
        for (; place > 0 && is_before(&item, &items[place - 1]); place--) items[place] = items[place - 1];
        items[place] = item;
    }
}

/* Sorts by merging, in `room` for half of the items. What is equal keeps its order, which the sort of the C library does
 * not promise; and it may ask the system for memory of its own. */
static void sort(Item *items, Item *room, Py_ssize_t count) {
    if (count <= FEW) {
        sort_few(items, count);
        return;
    }
    const Py_ssize_t half = count / 2;
    sort(items, room, half);
    sort(items + half, room, count - half);
    if (!is_before(&items[half], &items[half - 1])) return;
    memcpy(room, items, (size_t)half * sizeof(Item));
    Py_ssize_t left = 0, right = half, next = 0;
    while (left < half && right < count)
        items[next++] = is_before(&items[right], &room[left]) ? items[right++] : room[left++];
    memcpy(items + next, room + left, (size_t)(half - left) * sizeof(Item));
}

/* Appends a list of segments to the groups; gives 0 with an error. */
static int add_group(PyObject *groups, const Item *items, Py_ssize_t count) {
    PyObject *group = PyList_New(count);
    if (!group) return 0;
    for (Py_ssize_t index = 0; index < count; index++) PyList_SET_ITEM(group, index, Py_NewRef(items[index].segment));
    const int added = PyList_Append(groups, group) == 0;
    Py_DECREF(group);
    return added;
}

/* Sorts the segments of one line from left to right, those at one place in their order so far. */
static void sort_line(Item *items, Item *room, Py_ssize_t count) {
    for (Py_ssize_t index = 0; index < count; index++) {
        items[index].key = items[index].sides[X0];
        items[index].second = 0;
    }
    sort(items, room, count);
}

static int is_level(const Item *item, double top, double bottom) {
    const double y0 = item->sides[Y0], y1 = item->sides[Y1];
    return lesser(bottom, y1) - larger(top, y0) > SAME_LINE * lesser(bottom - top, y1 - y0);
}

static PyObject *gathered_lines(Items *items) {
    PyObject *groups = PyList_New(0);
    Item *all = items->items;
    for (Py_ssize_t index = 0; index < items->count; index++) {
        all[index].key = all[index].sides[Y0] + all[index].sides[Y1];
        all[index].second = all[index].sides[X0];
    }
    sort(all, all + items->count, items->count);
    for (Py_ssize_t start = 0, end; groups && start < items->count; start = end) {
        const double top = all[start].sides[Y0], bottom = all[start].sides[Y1];
        for (end = start + 1; end < items->count; end++)
            if (!(all[end].sides[Y0] < bottom && is_level(&all[end], top, bottom))) break;
        sort_line(all + start, all + items->count, end - start);
        if (!add_group(groups, all + start, end - start)) Py_CLEAR(groups);
    }
    return groups;
}

static PyObject *gathered_rows(Items *items, double shrink) {
    PyObject *groups = PyList_New(0);
    Item *all = items->items;
    for (Py_ssize_t index = 0; index < items->count; index++) {
        all[index].key = all[index].sides[Y0] + shrink * (all[index].sides[Y1] - all[index].sides[Y0]);
        all[index].second = 0;
    }
    sort(all, all + items->count, items->count);
    double bottom = -HUGE_VAL;
    Py_ssize_t start = 0;
    for (Py_ssize_t index = 0; groups && index < items->count; index++) {
        const double inset = shrink * (all[index].sides[Y1] - all[index].sides[Y0]);
        if (all[index].key >= bottom && index > start) {
            if (!add_group(groups, all + start, index - start)) Py_CLEAR(groups);
            start = index;
        }
        bottom = larger(bottom, all[index].sides[Y1] - inset);
    }
    if (groups && start < items->count && !add_group(groups, all + start, items->count - start)) Py_CLEAR(groups);
    return groups;
}

static PyObject *baselines(PyObject *module, PyObject *segments) {
    Items items;
    int are_numbers;
    (void)module;
    if (!read_items(segments, &items, &are_numbers)) return NULL;
    PyObject *made = are_numbers ? gathered_lines(&items) : Py_NewRef(Py_None);
    drop(&items);
    return made;
}

static PyObject *rows(PyObject *module, PyObject *arguments) {
    Items items;
    PyObject *segments;
    double shrink;
    int are_numbers;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Od", &segments, &shrink)) return NULL;
    if (!read_items(segments, &items, &are_numbers)) return NULL;
    PyObject *made = are_numbers ? gathered_rows(&items, shrink) : Py_NewRef(Py_None);
    drop(&items);
    return made;
}

/* Gives the first of the strips, which stand in order, that does not end before a place. */
static int first_not_before(PyObject *const *strips, Py_ssize_t count, double place, Py_ssize_t *first) {
    Py_ssize_t low = 0, high = count;
    while (low < high) {
        const Py_ssize_t middle = (low + high) / 2;
        double end;
        if (!read_side(&strip_layout, strips[middle], X1, &end)) return 0;
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
        if (!read_side(&strip_layout, strips[*end], X0, &start)) return 0;
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
        if (!read_side(&strip_layout, strips[index], X0, &x0) || !read_side(&strip_layout, strips[index], X1, &x1))
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
    if (!read_side(&segment_layout, arguments[0], X0, &x0) || !read_side(&segment_layout, arguments[0], X1, &x1))
        return NULL;
    if (!first_not_before(strips, count, x0 + TOUCHING, &first)) return NULL;
    if (!end_of_begun(strips, count, first, x1 - TOUCHING, &end)) return NULL;
    if (end > first) return Py_BuildValue("nn", first, end - 1);
    if (!nearest_to(strips, count, first, (x0 + x1) / 2, &nearest)) return NULL;
    return Py_BuildValue("nn", nearest, nearest);
}

/* Takes in where objects of a class have these of their sides. */
static int learn_layout(Layout *layout, PyTypeObject *class, const int *sides, int count) {
    static const char *const names[SIDES] = {"x0", "y0", "x1", "y1"};
    for (int index = 0; index < count; index++) {
        PyObject *name = PyUnicode_FromString(names[sides[index]]);
        const Py_ssize_t offset = name ? offset_of(class, name) : -1;
        Py_XDECREF(name);
        if (offset < 0) return 0;
        layout->offsets[sides[index]] = offset;
    }
    Py_XSETREF(layout->class, (PyTypeObject *)Py_NewRef(class));
    return 1;
}

static PyObject *learn_segments(PyObject *module, PyObject *class) {
    (void)module;
    if (!PyType_Check(class)) return PyErr_Format(PyExc_TypeError, "a class is needed");
    const int sides[] = {X0, Y0, X1, Y1};
    return learn_layout(&segment_layout, (PyTypeObject *)class, sides, 4) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *learn_strips(PyObject *module, PyObject *class) {
    (void)module;
    if (!PyType_Check(class)) return PyErr_Format(PyExc_TypeError, "a class is needed");
    const int sides[] = {X0, X1};
    return learn_layout(&strip_layout, (PyTypeObject *)class, sides, 2) ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"learn_segments", learn_segments, METH_O, "Take in where segments of this class have their sides."},
    {"learn_strips", learn_strips, METH_O, "Take in where strips of this class have their sides."},
    {"baselines", baselines, METH_O, "Group segments that stand on one line; None if their sides have no order."},
    {"rows", rows, METH_VARARGS, "Group segments that no level line parts; None if their sides have no order."},
    {"spanned", (PyCFunction)(void (*)(void))spanned, METH_FASTCALL, "Give the first and last strip of a segment."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_levels", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__levels(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
