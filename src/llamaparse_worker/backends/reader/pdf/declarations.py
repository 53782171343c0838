"""C functions that the reader calls, declared for cffi: those of PDFium, and those that are compiled with this package.

They are read when the repository's generated files are made, which leaves ``declared`` to be imported: reading them in
each process would take as long as importing numpy.

Object handles are declared ``uintptr_t``: an integer costs less to pass than a pointer object, and this is the hot
path.
"""

from __future__ import annotations

PDFIUM = """
typedef struct { float left, top, right, bottom; } FS_RECTF;
typedef struct { float a, b, c, d, e, f; } FS_MATRIX;

void FPDF_InitLibrary(void);
unsigned long FPDF_GetLastError(void);
uintptr_t FPDF_LoadMemDocument64(const void* data, size_t size, const char* password);
void FPDF_CloseDocument(uintptr_t document);
int FPDF_GetPageCount(uintptr_t document);
uintptr_t FPDF_LoadPage(uintptr_t document, int index);
void FPDF_ClosePage(uintptr_t page);
float FPDF_GetPageWidthF(uintptr_t page);
float FPDF_GetPageHeightF(uintptr_t page);
int FPDF_GetPageBoundingBox(uintptr_t page, FS_RECTF* rect);
int FPDFPage_GetRotation(uintptr_t page);
int FPDFPage_GetMediaBox(uintptr_t page, float* left, float* bottom, float* right, float* top);
int FPDFPage_GetAnnotCount(uintptr_t page);
int FPDFPage_CountObjects(uintptr_t page);
uintptr_t FPDFPage_GetObject(uintptr_t page, int index);
int FPDFPageObj_GetType(uintptr_t object);
int FPDFPageObj_GetBounds(uintptr_t object, float* left, float* bottom, float* right, float* top);
int FPDFPageObj_GetMatrix(uintptr_t object, FS_MATRIX* matrix);
int FPDFPageObj_GetFillColor(uintptr_t object, unsigned* red, unsigned* green, unsigned* blue, unsigned* alpha);
uintptr_t FPDFPageObj_GetClipPath(uintptr_t object);
int FPDFClipPath_CountPaths(uintptr_t clip);
int FPDFClipPath_CountPathSegments(uintptr_t clip, int path);
uintptr_t FPDFClipPath_GetPathSegment(uintptr_t clip, int path, int segment);
int FPDFFormObj_CountObjects(uintptr_t form);
uintptr_t FPDFFormObj_GetObject(uintptr_t form, unsigned long index);
int FPDFPath_CountSegments(uintptr_t path);
uintptr_t FPDFPath_GetPathSegment(uintptr_t path, int index);
int FPDFPath_GetDrawMode(uintptr_t path, int* fill_mode, int* stroke);
int FPDFPathSegment_GetPoint(uintptr_t segment, float* x, float* y);
int FPDFPathSegment_GetType(uintptr_t segment);
int FPDFPathSegment_GetClose(uintptr_t segment);

uintptr_t FPDFText_LoadPage(uintptr_t page);
void FPDFText_ClosePage(uintptr_t text_page);
int FPDFText_CountChars(uintptr_t text_page);
int FPDFText_GetText(uintptr_t text_page, int start, int count, unsigned short* result);
unsigned int FPDFText_GetUnicode(uintptr_t text_page, int index);
int FPDFText_GetLooseCharBox(uintptr_t text_page, int index, FS_RECTF* rect);
uintptr_t FPDFText_GetTextObject(uintptr_t text_page, int index);
int FPDFTextObj_GetTextRenderMode(uintptr_t object);
double FPDFText_GetFontSize(uintptr_t text_page, int index);
int FPDFText_GetMatrix(uintptr_t text_page, int index, FS_MATRIX* matrix);
uintptr_t FPDFTextObj_GetFont(uintptr_t object);
size_t FPDFFont_GetBaseFontName(uintptr_t font, char* buffer, size_t length);
int FPDFFont_GetFlags(uintptr_t font);
int FPDFFont_GetWeight(uintptr_t font);
int FPDFFont_GetItalicAngle(uintptr_t font, int* angle);

typedef struct {
    unsigned int width, height;
    float horizontal_dpi, vertical_dpi;
    unsigned int bits_per_pixel;
    int colorspace, marked_content_id;
} FPDF_IMAGEOBJ_METADATA;
int FPDFPageObj_SetMatrix(uintptr_t object, const FS_MATRIX* matrix);
int FPDFPageObj_HasTransparency(uintptr_t object);
int FPDFPageObj_SetIsActive(uintptr_t object, int active);
int FPDFImageObj_GetImagePixelSize(uintptr_t image, unsigned int* width, unsigned int* height);
int FPDFImageObj_GetImageMetadata(uintptr_t image, uintptr_t page, FPDF_IMAGEOBJ_METADATA* metadata);
int FPDFImageObj_GetImageFilterCount(uintptr_t image);
unsigned long FPDFImageObj_GetImageFilter(uintptr_t image, int index, void* buffer, unsigned long size);
unsigned long FPDFImageObj_GetImageDataDecoded(uintptr_t image, void* buffer, unsigned long size);
void* FPDFImageObj_GetBitmap(uintptr_t image);
void* FPDFImageObj_GetRenderedBitmap(uintptr_t document, uintptr_t page, uintptr_t image);
void* FPDFBitmap_GetBuffer(void* bitmap);
int FPDFBitmap_GetFormat(void* bitmap);
int FPDFBitmap_GetWidth(void* bitmap);
int FPDFBitmap_GetHeight(void* bitmap);
int FPDFBitmap_GetStride(void* bitmap);

int FPDFCatalog_IsTagged(uintptr_t document);
int FPDFPageObj_GetMarkedContentID(uintptr_t object);
uintptr_t FPDF_StructTree_GetForPage(uintptr_t page);
void FPDF_StructTree_Close(uintptr_t tree);
int FPDF_StructTree_CountChildren(uintptr_t tree);
uintptr_t FPDF_StructTree_GetChildAtIndex(uintptr_t tree, int index);
unsigned long FPDF_StructElement_GetType(uintptr_t element, void* buffer, unsigned long size);
int FPDF_StructElement_CountChildren(uintptr_t element);
uintptr_t FPDF_StructElement_GetChildAtIndex(uintptr_t element, int index);
int FPDF_StructElement_GetChildMarkedContentID(uintptr_t element, int index);
int FPDF_StructElement_GetAttributeCount(uintptr_t element);
uintptr_t FPDF_StructElement_GetAttributeAtIndex(uintptr_t element, int index);
uintptr_t FPDF_StructElement_Attr_GetValue(uintptr_t attribute, const char* name);
int FPDF_StructElement_Attr_GetNumberValue(uintptr_t value, float* result);
int FPDF_StructElement_Attr_GetStringValue(uintptr_t value, void* buffer, unsigned long size, unsigned long* used);

int FPDFLink_Enumerate(uintptr_t page, int* start, uintptr_t* link);
int FPDFLink_GetAnnotRect(uintptr_t link, FS_RECTF* rect);
uintptr_t FPDFLink_GetDest(uintptr_t document, uintptr_t link);
uintptr_t FPDFLink_GetAction(uintptr_t link);
unsigned long FPDFAction_GetURIPath(uintptr_t document, uintptr_t action, void* buffer, unsigned long size);
uintptr_t FPDFAction_GetDest(uintptr_t document, uintptr_t action);
unsigned long FPDFAction_GetType(uintptr_t action);
int FPDFDest_GetDestPageIndex(uintptr_t document, uintptr_t dest);

uintptr_t FPDFBookmark_GetFirstChild(uintptr_t document, uintptr_t bookmark);
uintptr_t FPDFBookmark_GetNextSibling(uintptr_t document, uintptr_t bookmark);
unsigned long FPDFBookmark_GetTitle(uintptr_t bookmark, void* buffer, unsigned long size);
uintptr_t FPDFBookmark_GetDest(uintptr_t document, uintptr_t bookmark);
uintptr_t FPDFBookmark_GetAction(uintptr_t bookmark);
int FPDFDest_GetLocationInPage(
    uintptr_t dest, int* has_x, int* has_y, int* has_zoom, float* x, float* y, float* zoom);

int FPDF_GetFormType(uintptr_t document);
uintptr_t FPDFDOC_InitFormFillEnvironment(uintptr_t document, void* info);
void FPDFDOC_ExitFormFillEnvironment(uintptr_t form);
uintptr_t FPDFPage_GetAnnot(uintptr_t page, int index);
void FPDFPage_CloseAnnot(uintptr_t annotation);
int FPDFAnnot_GetSubtype(uintptr_t annotation);
int FPDFAnnot_GetFlags(uintptr_t annotation);
int FPDFAnnot_GetRect(uintptr_t annotation, FS_RECTF* rect);
size_t FPDFAnnot_CountAttachmentPoints(uintptr_t annotation);
int FPDFAnnot_GetAttachmentPoints(uintptr_t annotation, size_t index, float* corners);
int FPDFAnnot_GetFormFieldType(uintptr_t form, uintptr_t annotation);
int FPDFAnnot_GetFormFieldFlags(uintptr_t form, uintptr_t annotation);
unsigned long FPDFAnnot_GetFormFieldName(uintptr_t form, uintptr_t annotation, void* buffer, unsigned long size);
unsigned long FPDFAnnot_GetFormFieldAlternateName(
    uintptr_t form, uintptr_t annotation, void* buffer, unsigned long size);
int FPDFAnnot_GetOptionCount(uintptr_t form, uintptr_t annotation);
unsigned long FPDFAnnot_GetOptionLabel(
    uintptr_t form, uintptr_t annotation, int index, void* buffer, unsigned long size);
int FPDFAnnot_IsOptionSelected(uintptr_t form, uintptr_t annotation, int index);
unsigned long FPDFAnnot_GetFormFieldExportValue(
    uintptr_t form, uintptr_t annotation, void* buffer, unsigned long size);
int FPDFAnnot_HasKey(uintptr_t annotation, const char* key);
unsigned long FPDFAnnot_GetFormFieldValue(uintptr_t form, uintptr_t annotation, void* buffer, unsigned long size);
unsigned long FPDFAnnot_GetStringValue(uintptr_t annotation, const char* key, void* buffer, unsigned long size);

void* FPDFBitmap_CreateEx(int width, int height, int format, void* first_scan, int stride);
void FPDFBitmap_Destroy(void* bitmap);
void FPDF_RenderPageBitmap(void* bitmap, uintptr_t page, int x, int y, int width, int height, int rotate, int flags);
"""

COMPILED = """
int glyphs_version(void);
int glyphs_read(void*, uintptr_t, int, void*, void*, int, int*, int*);
void glyphs_displayed(void*, int, void*, int, void*);
void glyphs_members(uintptr_t, uintptr_t, int, void*);
void glyphs_answers(uintptr_t, void*, int, void*);

typedef struct {
    int32_t most_objects, paths_left, deepest, most_rectangles;
    int32_t rules, fills, full;
    void *rule_boxes, *fill_boxes, *fill_colours;
} Drawn;
int paths_version(void);
void paths_read(void*, void*, void*, int, Drawn*);

typedef struct {
    int32_t most_elements, most_children, most_contents, most_roles, deepest;
    int32_t elements, contents, roles, too_wide, full;
    uint64_t *handles;
    int32_t *parents, *role_of;
    uint8_t *continued, *role_names;
    int32_t *content_ids, *content_elements;
} Tree;
int structure_version(void);
void structure_read(void*, uintptr_t, Tree*);
"""
"""Of ``glyphs.c``, ``paths.c`` and ``structure.c``."""
