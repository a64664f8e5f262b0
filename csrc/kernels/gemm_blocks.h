/* Sizes of the blocks that gemm.inc works in; gemm.c sizes the scratch by them. */
#ifndef FASTNN_GEMM_BLOCKS_H
#define FASTNN_GEMM_BLOCKS_H

enum {
    KC = 512,               /* k in a block */
    UNSPLIT = 8,            /* k up to which no k is split */
    SHALLOW = 8,            /* k up to which storing c takes longer than the multiply-adds */
    ROW_KC = 8,             /* k in a block where a has one row and b is no longer in L1 */
    L1_BYTES = 32768,       /* the nearest cache */
    FEW_ROWS = 4,           /* rows of a up to which b^T is not packed */
    MC = 192,               /* rows in a block, unpacked */
    PACK_MC = 144,          /* rows in a block, packed: the block of a is held in L2 */
    PACK_SLACK = 16,        /* numbers that packing may write behind the a block */
    PACK_NC = 1024,         /* columns of b packed at once */
    PACK_BYTES = 2400000,   /* size of b from which packing pays ... */
    PACK_ROWS = 32,         /* ... given rows enough to use the panels again */
    PACK_DEPTH = 128,       /* and k; below it a panel of a is never needed */
    PAGE = 4096             /* rows this far apart fall into the same few lines of a cache */
};

/* A flag of product(), beside those of fastnn/gemm.h: k is not dealt out, however narrow c is. */
enum { ONE_SUM = 4 };

#endif
