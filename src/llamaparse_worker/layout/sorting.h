/* Sorts an array of `Item`, which is defined where this is included and has a `key` and a `second` one. */
#ifndef SORTING_H
#define SORTING_H

#include <stddef.h>
#include <string.h>

enum { FEW = 8 };

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

#endif
