/* Where a run computes.  Contract: fastnn/plan.h */
#include "fastnn/memory.h"
#include "plan_internal.h"

/* Rows that a workspace must hold for batches of up to `batch_rows`: blocks are as long as the plan
 * says, whatever the workspace could take, because the gradients' bits depend on them. */
static size_t work_rows(const fnn_plan_t *plan, size_t batch_rows, bool training) {
    size_t rows = batch_rows;
    if (training && plan->has_barriers)
        return rows > 0 ? rows : 1;
    if (shards_of(plan, batch_rows, training) > 1) {
        const size_t whole = 2 * SHARD_ROWS, shard = (batch_rows + MOST_SHARDS - 1) / MOST_SHARDS;
        rows = shard > whole ? shard : whole; /* shorter batches may stay whole */
    }
    rows = rows < plan->block_rows ? rows : plan->block_rows;
    return rows > 0 ? rows : 1;
}

fnn_status_t fnn_team_new(const fnn_plan_t *plan, size_t batch_rows, bool training,
                          size_t metric_doubles, size_t threads, fnn_team_t **out) {
    *out = NULL;
    const size_t rows = work_rows(plan, batch_rows, training), per_view = fnn_plan_pointers(plan);
    fnn_team_t *team = fnn_alloc(sizeof *team);
    if (team == NULL)
        return FNN_NO_MEMORY;
    team->threads = threads < 1 ? 1 : threads < FNN_MOST_THREADS ? threads : FNN_MOST_THREADS;
    team->batch_rows = batch_rows;
    team->training = training;
    team->n_shards = shards_of(plan, batch_rows, training);
    team->n_work = team->n_shards > 1 ? team->threads : 1;
    team->metric_doubles = metric_doubles;
    team->work = fnn_alloc(team->n_work * sizeof *team->work);
    team->view = fnn_alloc(team->threads * sizeof *team->view);
    team->pointers = fnn_alloc(team->threads * per_view * sizeof *team->pointers);
    team->csr = fnn_alloc(team->threads * plan->n_inputs * sizeof *team->csr);
    team->scratch = fnn_alloc(team->threads * sizeof *team->scratch);
    team->shard = fnn_alloc(team->n_shards * sizeof *team->shard);
    team->input = fnn_alloc(plan->n_inputs * sizeof *team->input);
    team->metrics = fnn_alloc(team->n_shards * metric_doubles * sizeof *team->metrics);
    if (training && team->n_shards > 1)
        team->grads = fnn_alloc((team->n_shards - 1) * shard_stride(plan) * ELEMENT[plan->dtype]);
    bool fits = team->work != NULL && team->view != NULL && team->pointers != NULL && team->csr != NULL &&
                team->scratch != NULL && team->shard != NULL && team->input != NULL && team->metrics != NULL &&
                (team->grads != NULL || !training || team->n_shards == 1);
    for (size_t t = 0; fits && t < team->n_work; ++t)
        fits = fnn_workspace_new(plan, rows, training, false, &team->work[t]) == FNN_OK;
    for (size_t t = 1; fits && t < team->threads; ++t) {
        team->scratch[t] = fnn_alloc(fnn_plan_scratch_bytes(plan, rows, training));
        fits = team->scratch[t] != NULL;
    }
    if (!fits) {
        fnn_team_free(team);
        return FNN_NO_MEMORY;
    }
    team->scratch[0] = team->work[0]->gemm;
    *out = team;
    return FNN_OK;
}

void fnn_team_free(fnn_team_t *team) {
    if (team == NULL)
        return;
    for (size_t t = 0; team->work != NULL && t < team->n_work; ++t)
        fnn_workspace_free(team->work[t]);
    for (size_t t = 1; team->scratch != NULL && t < team->threads; ++t)
        fnn_free(team->scratch[t]);
    fnn_free(team->work);
    fnn_free(team->view);
    fnn_free(team->pointers);
    fnn_free(team->csr);
    fnn_free(team->scratch);
    fnn_free(team->shard);
    fnn_free(team->input);
    fnn_free(team->metrics);
    fnn_free(team->grads);
    fnn_free(team);
}

bool fnn_team_fits(const fnn_team_t *team, const fnn_plan_t *plan, size_t batch_rows,
                   size_t threads) {
    return team->threads == threads && shards_of(plan, batch_rows, team->training) <= team->n_shards &&
           work_rows(plan, batch_rows, team->training) <= fnn_workspace_rows(team->work[0]);
}

static void *from_row(void *slot, size_t first, size_t row_bytes) {
    return slot != NULL ? (char *)slot + first * row_bytes : NULL;
}

fnn_workspace_t *fnn_team_view(const fnn_plan_t *plan, fnn_team_t *team, size_t t, size_t first) {
    const fnn_workspace_t *work = team->work[0];
    const size_t n = plan->n_tensors, element = ELEMENT[plan->dtype];
    fnn_workspace_t *view = &team->view[t];
    void **pointers = team->pointers + t * fnn_plan_pointers(plan);
    *view = *work;
    view->rows = work->rows - first;
    view->slot = pointers;
    view->value = view->slot + n;
    view->grad = view->value + n;
    view->kept = view->grad + n;
    view->y = view->kept + plan->n_ops;
    for (size_t i = 0; i < n; ++i) {
        const size_t row_bytes = plan->cols[i] * element;
        view->slot[i] = from_row(work->slot[i], first, row_bytes);
        view->value[i] = from_row(work->value[i], first, row_bytes);
        view->grad[i] = from_row(work->grad[i], first, row_bytes);
    }
    for (size_t i = 0; i < plan->n_ops; ++i)
        view->kept[i] = from_row(work->kept[i], first,
                                 fnn_plan_kept_cols(plan, i, work->training) * element);
    for (size_t k = 0; k < plan->n_outputs; ++k)
        view->y[k] = from_row(work->y[k], first, plan->cols[plan->outputs[k]] * element);
    view->extra = from_row(work->extra, first, plan->extra_cols * element);
    view->weight = from_row(work->weight, first, element);
    view->gemm = team->scratch[t];
    view->csr = team->csr + t * plan->n_inputs;
    for (size_t i = 0; i < plan->n_inputs; ++i) {
        view->csr[i] = work->csr[i];
        view->csr[i].first += first;
        if (view->csr[i].order != NULL)
            view->csr[i].order += first;
    }
    return view;
}
