/* Sizes of the blocks that gemm.inc works in; gemm.c sizes the scratch by them. */
#ifndef FASTNN_GEMM_BLOCKS_H
#define FASTNN_GEMM_BLOCKS_H

enum {
    KC = 512,               /* k in a block where it is dealt out to several sums */
    DEEP_BYTES = 4096,      /* k in a block where it is not, in bytes: c is read and written once
                               for each block, and comes from far away */
    UNSPLIT = 8,            /* k up to which no k is split */
    SHALLOW = 8,            /* k up to which storing c takes longer than the multiply-adds */
    ROW_KC = 8,             /* k in a block where a has one row and b is no longer in L1 */
    FEW_KC = 128,           /* k in a block where a has rows too few to pack b, ... */
    FEW_BYTES = 1000000,    /* ... and b is no longer in L2 */
    L1_BYTES = 32768,       /* the nearest cache */
    FEW_ROWS = 4,           /* rows of a up to which b^T is not packed */
    MC = 96,                /* rows in a block: the block of a is held in L2 */
    PACK_ONE = 144,         /* rows of a that are packed as one block, if they are all there are */
    PACK_ONE_PANELS = 4,    /* ... and panels of b at once then: the nearest caches hold them */
    PACK_SLACK = 16,        /* numbers that packing may write behind the a block */
    PACK_NC = 1024,         /* columns of b packed at once */
    PACK_BYTES = 2400000,   /* size of b from which packing pays ... */
    PACK_ROWS = 32,         /* ... given rows enough to use the panels again */
    PACK_DEPTH = 128,       /* and k; below it a panel of a is never needed */
    COPY_BYTES = 131072,    /* size of b from which panels of it alone pay on narrow vectors ... */
    COPY_ROWS = 32,         /* ... given so many rows if those of b cross lines, else three times */
    PAGE = 4096             /* rows this far apart fall into the same few lines of a cache */
};

/* A flag of product(), beside those of fastnn/gemm.h: k is not dealt out, however narrow c is. */
enum { ONE_SUM = 4 };

#endif
