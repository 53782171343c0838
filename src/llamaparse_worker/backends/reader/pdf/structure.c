/* The structure tree of one PDF page in one call: what structure.py does in Python, with equal results.
 *
 * Knows neither Python nor the C library: the caller passes the addresses of PDFium's functions and all memory.
 * Built by config/compile.py; VERSION must change with the meaning of anything here (see compiled_structure.py).
 */
#include <stdint.h>

#define VERSION 1

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

typedef uintptr_t Handle;

/* The order is that of FUNCTIONS in compiled_structure.py. */
typedef struct {
    int (*count_of_tree)(Handle tree);
    Handle (*child_of_tree)(Handle tree, int index);
    int (*count)(Handle element);
    Handle (*child)(Handle element, int index);
    int (*content)(Handle element, int index);
    unsigned long (*role)(Handle element, void *buffer, unsigned long size);
} Functions;

enum { ROLE_BYTES = 64 };

/* The limits, places for as many elements, contents and roles as they allow, and how many there are. */
typedef struct {
    int32_t most_elements, most_children, most_contents, most_roles, deepest;
    int32_t elements, contents, roles, too_wide, full;
    Handle *handles;            /* of each element */
    int32_t *parents, *role_of; /* of each element: its parent, -1 for none, and its role */
    uint8_t *continued;         /* of each element: whether something of it stands on an earlier page */
    uint8_t *role_names;        /* ROLE_BYTES of UTF-16 for each role, filled up with zeros */
    int32_t *content_ids, *content_elements;
} Tree;

/* Gives the place of the role in `name` among those seen so far, or -1 if there is no room for it. */
static int32_t role_place(Tree *tree, const uint8_t *name) {
    for (int32_t place = 0; place < tree->roles; place++) {
        const uint8_t *known = tree->role_names + (int64_t)place * ROLE_BYTES;
        int same = 1;
        for (int index = 0; same && index < ROLE_BYTES; index++) same = known[index] == name[index];
        if (same) return place;
    }
    if (tree->roles == tree->most_roles) return -1;
    uint8_t *made = tree->role_names + (int64_t)tree->roles * ROLE_BYTES;
    for (int index = 0; index < ROLE_BYTES; index++) made[index] = name[index];
    return tree->roles++;
}

static int32_t role_of(const Functions *pdfium, Tree *tree, Handle element) {
    uint8_t name[ROLE_BYTES];
    for (int index = 0; index < ROLE_BYTES; index++) name[index] = 0;
    const unsigned long size = pdfium->role(element, name, ROLE_BYTES);
    /* A longer role is none of the standard ones; the last two bytes end the text. */
    const unsigned long used = size >= 2 && size <= ROLE_BYTES ? size - 2 : 0;
    for (unsigned long index = used; index < ROLE_BYTES; index++) name[index] = 0;
    return role_place(tree, name);
}

static void add(const Functions *pdfium, Tree *tree, Handle element, int32_t parent, int depth) {
    if (!element || depth > tree->deepest || tree->too_wide || tree->full) return;
    int count = pdfium->count(element);
    if (count < 0) count = 0;
    if (count > tree->most_children || tree->elements >= tree->most_elements) {
        tree->too_wide = 1;
        return;
    }
    const int32_t number = tree->elements++, role = role_of(pdfium, tree, element);
    if (role < 0) {
        tree->full = 1;
        return;
    }
    tree->handles[number] = element;
    tree->parents[number] = parent;
    tree->role_of[number] = role;
    int first = -1;
    for (int index = 0; index < count; index++) {
        const Handle child = pdfium->child(element, index);
        const int content = child ? -1 : pdfium->content(element, index);
        if (child) {
            add(pdfium, tree, child, number, depth + 1);
        } else if (content >= 0) {
            if (tree->contents == tree->most_contents) {
                tree->full = 1;
                return;
            }
            tree->content_ids[tree->contents] = content;
            tree->content_elements[tree->contents++] = number;
        }
        if (first < 0 && (child || content >= 0)) first = index;
    }
    tree->continued[number] = first > 0;
}

EXPORTED int structure_version(void) { return VERSION; }

/* Fills `tree`; with `full` set there was no room for all of it, and nothing in it is of use. */
EXPORTED void structure_read(const Functions *pdfium, Handle root, Tree *tree) {
    int count = pdfium->count_of_tree(root);
    tree->too_wide = count > tree->most_children;
    if (count > tree->most_children) count = tree->most_children;
    for (int index = 0; index < count; index++) add(pdfium, tree, pdfium->child_of_tree(root, index), -1, 0);
}
