/* Gathers segments by their heights and tells what stands where: what levels.py does in Python, with equal results.
 *
 * Sides are read straight from the slots of segments, of which `learn` is told once. Sorting keeps the order of what is
 * equal, as Python does. Sides that are no finite numbers have no order: these are left to Python.
 */
#include "../model/kinds.h"

#include <math.h>

#define VERSION 3

static const double SAME_LINE = 0.5;

enum { X0, Y0, X1, Y1, SIDES };

static Kind segment_kind;

/* A segment, a borrowed reference, and what it is sorted by: the key, then the second one. */
typedef struct {
    PyObject *segment;
    double key, second;
    double sides[SIDES];
} Item;

#include "sorting.h"

typedef struct {
    PyObject *sequence; /* holds the segments */
    Item *items;        /* with as much room behind them, to sort them in */
    Py_ssize_t count;
} Items;

static double lesser(double one, double other) { return other < one ? other : one; }
static double larger(double one, double other) { return other > one ? other : one; }

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
        if (!is_of(&segment_kind, item->segment)) goto failed;
        for (int side = 0; side < SIDES; side++) {
            if (!read_number(&segment_kind, item->segment, side, &item->sides[side])) goto failed;
            if (!isfinite(item->sides[side])) *are_numbers = 0;
        }
    }
    if (items->items) return 1;
failed:
    drop(items);
    return 0;
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

static double inset_of(const Item *item, double shrink) { return shrink * (item->sides[Y1] - item->sides[Y0]); }

static void sort_by_tops(Items *items, double shrink) {
    for (Py_ssize_t index = 0; index < items->count; index++) {
        items->items[index].key = items->items[index].sides[Y0] + inset_of(&items->items[index], shrink);
        items->items[index].second = 0;
    }
    sort(items->items, items->items + items->count, items->count);
}

/* Gives the end of a row that begins here: the next segment begins below all of it and what is above, the `bottom`. */
static Py_ssize_t end_of_row(const Items *items, Py_ssize_t start, double shrink, double *bottom) {
    const Item *all = items->items;
    Py_ssize_t end = start;
    for (; end < items->count && !(end > start && all[end].key >= *bottom); end++)
        *bottom = larger(*bottom, all[end].sides[Y1] - inset_of(&all[end], shrink));
    return end;
}

static PyObject *gathered_rows(Items *items, double shrink) {
    PyObject *groups = PyList_New(0);
    double bottom = -HUGE_VAL;
    sort_by_tops(items, shrink);
    for (Py_ssize_t start = 0, end; groups && start < items->count; start = end) {
        end = end_of_row(items, start, shrink, &bottom);
        if (!add_group(groups, items->items + start, end - start)) Py_CLEAR(groups);
    }
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

/* Tells whether segments on each height stand beside each other, in an array that is sorted by tops. */
static int are_apart(Items *items, double shrink) {
    Item *all = items->items;
    double bottom = -HUGE_VAL;
    sort_by_tops(items, shrink);
    for (Py_ssize_t start = 0, end; start < items->count; start = end) {
        end = end_of_row(items, start, shrink, &bottom);
        if (end - start == 1) continue;
        sort_line(all + start, all + items->count, end - start);
        for (Py_ssize_t index = start + 1; index < end; index++)
            if (!(all[index - 1].sides[X1] <= all[index].sides[X0])) return 0;
    }
    return 1;
}

static PyObject *stand_apart(PyObject *module, PyObject *arguments) {
    Items items;
    PyObject *segments;
    double shrink;
    int are_numbers;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Od", &segments, &shrink)) return NULL;
    if (!read_items(segments, &items, &are_numbers)) return NULL;
    PyObject *told = are_numbers ? PyBool_FromLong(are_apart(&items, shrink)) : Py_NewRef(Py_None);
    drop(&items);
    return told;
}

/* Gives the segments whose middle lies within four sides, or on one. */
static PyObject *within(PyObject *module, PyObject *arguments) {
    PyObject *segments;
    double x0, y0, x1, y1, sides[SIDES];
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!dddd", &PyList_Type, &segments, &x0, &y0, &x1, &y1)) return NULL;
    PyObject *found = PyList_New(0);
    for (Py_ssize_t index = 0; found && index < PyList_GET_SIZE(segments); index++) {
        PyObject *segment = PyList_GET_ITEM(segments, index);
        if (!is_of(&segment_kind, segment)) goto failed;
        for (int side = 0; side < SIDES; side++)
            if (!read_number(&segment_kind, segment, side, &sides[side])) goto failed;
        const double across = (sides[X0] + sides[X1]) / 2, down = (sides[Y0] + sides[Y1]) / 2;
        if (!(y0 <= down && down <= y1 && x0 <= across && across <= x1)) continue;
        if (PyList_Append(found, segment) < 0) goto failed;
    }
    return found;
failed:
    Py_DECREF(found);
    return NULL;
}

static PyObject *learn(PyObject *module, PyObject *class) {
    static const char *const names[SIDES] = {"x0", "y0", "x1", "y1"};
    (void)module;
    return learn_kind(&segment_kind, class, names, SIDES) ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_O, "Take in where segments of this class have their sides."},
    {"baselines", baselines, METH_O, "Group segments that stand on one line; None if their sides have no order."},
    {"rows", rows, METH_VARARGS, "Group segments that no level line parts; None if their sides have no order."},
    {"stand_apart", stand_apart, METH_VARARGS, "Tell whether no two lie over each other; None if sides have no order."},
    {"within", within, METH_VARARGS, "Give the segments of a list whose middle lies within four sides."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_levels", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__levels(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
