/* Joins the lines of a page and gathers those that touch each other: what rules.py does in Python, with equal results.
 *
 * Rules are made and read by their slots, of which `learn` is told once. Sides that are no numbers, or too large to be
 * rounded, are left to Python.
 */
#include "../model/kinds.h"

#include <math.h>

#define VERSION 1

/* A part of a line as `Rule` says it; sorted by its place, then by where it starts. */
typedef struct {
    double key, second; /* what it is sorted by */
    double at, start, end;
    int drawn;
} Item;

#include "sorting.h"

typedef struct { float x0, y0, x1, y1; } Sides;

typedef struct {
    Item *items;
    Py_ssize_t count;
} Pieces;

enum { AT, START, END, DRAWN, FIELDS };
enum { MOST_FILLS = 2500, OF_FILL = 2 };

static const double SAME_PLACE = 1, SAME_LINE_GAP = 3.5, LEAST_LENGTH = 4, MOST_OF_PAGE = 0.95, MOST_EXACT = 1e14;

static Kind rule_kind;

/* Rounds to tenths, half to even, as Python does. */
static double tenths(double value) {
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves no binary places */
    return ((value * 10 + shift) - shift) / 10;
}

static int is_exact(const Sides *sides) {
    const double all[] = {(double)sides->x0, (double)sides->y0, (double)sides->x1, (double)sides->y1};
    for (size_t side = 0; side < sizeof(all) / sizeof(*all); side++)
        if (!(all[side] > -MOST_EXACT && all[side] < MOST_EXACT)) return 0;
    return 1;
}

static void add(Pieces *pieces, float at, float start, float end, int drawn) {
    pieces->items[pieces->count++] = (Item){(double)at, 0, (double)at, (double)start, (double)end, drawn};
}

/* Gathers the pieces of lines and of the edges of fills; 0 if one is left to Python. There must be room for all. */
static int gather(
    const Py_buffer *lines, const Py_buffer *fills, double width, double height, Pieces *level, Pieces *upright
) {
    const Sides *sides = lines->buf;
    for (Py_ssize_t index = 0; index < lines->len / (Py_ssize_t)sizeof(Sides); index++, sides++) {
        if (!is_exact(sides)) return 0;
        if ((double)sides->x1 - (double)sides->x0 >= (double)sides->y1 - (double)sides->y0)
            add(level, sides->y0, sides->x0, sides->x1, 1);
        else
            add(upright, sides->x0, sides->y0, sides->y1, 1);
    }
    sides = fills->buf;
    for (Py_ssize_t index = 0; index < fills->len / (Py_ssize_t)sizeof(Sides) && index < MOST_FILLS; index++, sides++) {
        if (!is_exact(sides)) return 0;
        if ((double)sides->x1 - (double)sides->x0 > MOST_OF_PAGE * width
            && (double)sides->y1 - (double)sides->y0 > MOST_OF_PAGE * height)
            continue;
        add(level, sides->y0, sides->x0, sides->x1, 0);
        add(level, sides->y1, sides->x0, sides->x1, 0);
        add(upright, sides->x0, sides->y0, sides->y1, 0);
        add(upright, sides->x1, sides->y0, sides->y1, 0);
    }
    return 1;
}

/* Appends a rule, unless it is too short; 0 with an error. */
static int add_rule(PyObject *rules, const Item *piece) {
    if (!(piece->end - piece->start >= LEAST_LENGTH)) return 1;
    PyObject *values[FIELDS] = {
        PyFloat_FromDouble(piece->at), PyFloat_FromDouble(piece->start), PyFloat_FromDouble(piece->end),
        PyBool_FromLong(piece->drawn),
    };
    PyObject *rule = made_of(&rule_kind, values, FIELDS);
    const int added = rule && PyList_Append(rules, rule) == 0;
    Py_XDECREF(rule);
    return added;
}

/* Joins the pieces of one line, which are sorted by where they start; 0 with an error. */
static int join_line(const Item *pieces, Py_ssize_t count, PyObject *rules) {
    Item run = {0};
    for (Py_ssize_t index = 0; index < count; index++) {
        const double start = tenths(pieces[index].start), end = tenths(pieces[index].end);
        if (index && start <= run.end + SAME_LINE_GAP) {
            if (end > run.end) run.end = end;
            run.drawn = run.drawn || pieces[index].drawn;
            continue;
        }
        if (index && !add_rule(rules, &run)) return 0;
        run = (Item){0, 0, tenths(pieces[index].at), start, end, pieces[index].drawn};
    }
    return add_rule(rules, &run);
}

/* Joins pieces that lie on one line with hardly a gap. There is room for as many behind them, to sort them in. */
static PyObject *join(Pieces *pieces) {
    Item *all = pieces->items, *room = all + pieces->count;
    PyObject *rules = PyList_New(0);
    sort(all, room, pieces->count);
    for (Py_ssize_t start = 0, end; rules && start < pieces->count; start = end) {
        for (end = start + 1; end < pieces->count && all[end].at - all[end - 1].at <= SAME_PLACE; end++) continue;
        for (Py_ssize_t index = start; index < end; index++) all[index].key = all[index].start;
        sort(all + start, room, end - start);
        if (!join_line(all + start, end - start, rules)) Py_CLEAR(rules);
    }
    PyObject *joined = rules ? PyList_AsTuple(rules) : NULL;
    Py_XDECREF(rules);
    return joined;
}

static PyObject *joined(PyObject *module, PyObject *arguments) {
    Py_buffer lines, fills;
    double width, height;
    PyObject *made = NULL;
    (void)module;
    if (!rule_kind.class) return PyErr_Format(PyExc_TypeError, "what a rule is is not known");
    if (!PyArg_ParseTuple(arguments, "y*y*dd", &lines, &fills, &width, &height)) return NULL;
    const int are_whole = !(lines.len % (Py_ssize_t)sizeof(Sides) || fills.len % (Py_ssize_t)sizeof(Sides));
    const Py_ssize_t most = (lines.len + OF_FILL * fills.len) / (Py_ssize_t)sizeof(Sides);
    Pieces level = {PyMem_New(Item, 2 * most + 1), 0}, upright = {PyMem_New(Item, 2 * most + 1), 0};
    if (!level.items || !upright.items) {
        PyErr_NoMemory();
    } else if (are_whole && gather(&lines, &fills, width, height, &level, &upright)) {
        PyObject *of_level = join(&level), *of_upright = of_level ? join(&upright) : NULL;
        if (of_upright) made = PyTuple_Pack(2, of_level, of_upright);
        Py_XDECREF(of_level);
        Py_XDECREF(of_upright);
    } else {
        made = Py_NewRef(Py_None);
    }
    PyMem_Free(level.items);
    PyMem_Free(upright.items);
    PyBuffer_Release(&lines);
    PyBuffer_Release(&fills);
    return made;
}

/* The level rules, then the upright ones, and which of them touch each other: each has a parent, the first has itself. */
typedef struct {
    PyObject *const *of_level, *const *of_upright;
    Py_ssize_t level, count;
    double (*places)[DRAWN];
    Py_ssize_t *parents;
} Network;

static PyObject *rule_at(const Network *network, Py_ssize_t index) {
    return index < network->level ? network->of_level[index] : network->of_upright[index - network->level];
}

/* Reads where rules are; 0 with an error. */
static int read_places(Network *network) {
    for (Py_ssize_t index = 0; index < network->count; index++) {
        PyObject *rule = rule_at(network, index);
        if (!is_of(&rule_kind, rule)) return 0;
        for (int field = 0; field < DRAWN; field++)
            if (!read_number(&rule_kind, rule, field, &network->places[index][field])) return 0;
        network->parents[index] = index;
    }
    return 1;
}

static Py_ssize_t root_of(Network *network, Py_ssize_t index) {
    Py_ssize_t *parents = network->parents;
    while (parents[index] != index) index = parents[index] = parents[parents[index]];
    return index;
}

static void connect(Network *network) {
    const double touching = 3;
    for (Py_ssize_t one = 0; one < network->level; one++) {
        const double *level = network->places[one];
        for (Py_ssize_t other = network->level; other < network->count; other++) {
            const double *upright = network->places[other];
            if (upright[AT] < level[START] - touching || upright[AT] > level[END] + touching) continue;
            if (level[AT] < upright[START] - touching || level[AT] > upright[END] + touching) continue;
            const Py_ssize_t first = root_of(network, one), second = root_of(network, other);
            /* The first of all is the root, so that groups stand in the order of their first rules. */
            if (first < second) network->parents[second] = first;
            else network->parents[first] = second;
        }
    }
}

/* Gives the group of each root: a list of level and one of upright rules; 0 with an error. */
static PyObject *groups_of(Network *network) {
    PyObject *groups = PyList_New(0);
    Py_ssize_t *places = PyMem_New(Py_ssize_t, network->count + 1); /* of the group of each root among all */
    if (!places) PyErr_NoMemory();
    for (Py_ssize_t index = 0; groups && places && index < network->count; index++) {
        const Py_ssize_t root = root_of(network, index);
        if (root == index) {
            places[index] = PyList_GET_SIZE(groups);
            PyObject *group = Py_BuildValue("([][])");
            const int added = group && PyList_Append(groups, group) == 0;
            Py_XDECREF(group);
            if (!added) goto failed;
        }
        PyObject *group = PyList_GET_ITEM(groups, places[root]);
        if (PyList_Append(PyTuple_GET_ITEM(group, index >= network->level), rule_at(network, index)) < 0) goto failed;
    }
    if (groups && places) {
        PyMem_Free(places);
        return groups;
    }
failed:
    PyMem_Free(places);
    Py_XDECREF(groups);
    return NULL;
}

static PyObject *touching(PyObject *module, PyObject *arguments) {
    PyObject *level, *upright, *made = NULL;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyTuple_Type, &level, &PyTuple_Type, &upright)) return NULL;
    Network network = {
        PySequence_Fast_ITEMS(level), PySequence_Fast_ITEMS(upright), PyTuple_GET_SIZE(level),
        PyTuple_GET_SIZE(level) + PyTuple_GET_SIZE(upright), NULL, NULL,
    };
    network.places = PyMem_Malloc((size_t)(network.count + 1) * sizeof(*network.places));
    network.parents = PyMem_New(Py_ssize_t, network.count + 1);
    if (!network.places || !network.parents) {
        PyErr_NoMemory();
    } else if (read_places(&network)) {
        connect(&network);
        made = groups_of(&network);
    }
    PyMem_Free(network.places);
    PyMem_Free(network.parents);
    return made;
}

static PyObject *learn(PyObject *module, PyObject *class) {
    static const char *const names[FIELDS] = {"at", "start", "end", "drawn"};
    (void)module;
    return learn_kind(&rule_kind, class, names, FIELDS) ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_O, "Take in where rules of this class have their fields."},
    {"joined", joined, METH_VARARGS, "Give the level and the upright rules of a page; None where it cannot."},
    {"touching", touching, METH_VARARGS, "Gather level and upright rules that touch each other."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_rules", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__rules(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
