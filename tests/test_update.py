"""Updates: optimizers over many steps, and all that happens to gradients and parameters around."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, constraints, optimizers, regularizers, schedules
from fastnn._segments import Segment, describe_penalties, describe_segments
from reference import optimizer as twin


def network(n, dtype="float64"):
    """A network whose arena has n elements, to cut into segments as a test likes."""
    return fnn.Sequential([fnn.Input(n), fnn.Dense(1, use_bias=False)], seed=3, dtype=dtype)


def lay_out(shapes, **more):
    """Segments named a, b, ... one behind the other."""
    found, end = [], 0
    for name, shape in zip("abcdefgh", shapes, strict=False):
        found.append(Segment(name, end, shape, **{key: value[name] for key, value in more.items()}))
        end += math.prod(shape)
    return found


def new_state(optimizer, segments, dtype="float64", seed=0):
    last = segments[-1]
    model = network(last.offset + math.prod(last.shape), dtype)
    described = describe_segments(segments, optimizer)
    return _core.OptimizerState(model, optimizer.settings(), described, seed)


def step(state, grad):
    """One update from this gradient; the parameters after it."""
    state.network.gradient_arena[...] = grad
    state.step()
    return state.network.parameter_arena.copy()


def run(optimizer, segments, start, gradient, steps, dtype="float64"):
    """The parameters after each step, and the state."""
    state = new_state(optimizer, segments, dtype)
    p = state.network.parameter_arena
    p[...] = start
    return [step(state, gradient(p)) for _ in range(steps)], state


# ---- against PyTorch ----------------------------------------------------------------------------

# PyTorch 2.13.0 (CPU, float64): torch.optim on loss = sum(CURVATURE * (p - CENTRE)**2) from START;
# the parameters after 1, 2, 3, 7 and 12 steps.  RADAM's first five steps are without its variance.
START = [-2.0, -0.75, -1e-3, 0.0, 0.5, 1.25, 3.0]
CURVATURE = np.array([0.1, 1.0, 3.0, 0.5, 2.0, 0.01, 0.7])
CENTRE = np.array([1.0, -1.0, 0.25, 0.0, 2.0, -3.0, 0.5])
AT = (1, 2, 3, 7, 12)
MOMENTS = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-6}
OPTIMIZERS = {
    "amsgrad": optimizers.Adam(0.1, **MOMENTS, amsgrad=True),
    "nadam": optimizers.Nadam(0.1, **MOMENTS, momentum_decay=0.01),
    "nadamw": optimizers.Nadam(0.1, weight_decay=0.2),
    "radam": optimizers.RAdam(0.1, **MOMENTS),
    "adamax": optimizers.Adamax(0.1, **MOMENTS),
    "adagrad": optimizers.Adagrad(0.3, initial_accumulator_value=0.1),
    "adadelta": optimizers.Adadelta(0.9, rho=0.8, epsilon=1e-3),
    "rmsprop": optimizers.RMSprop(0.05, rho=0.9, epsilon=1e-6),
    "rmsprop_centered": optimizers.RMSprop(0.05, rho=0.9, epsilon=1e-3, centered=True),
    "rmsprop_momentum": optimizers.RMSprop(0.02, rho=0.9, momentum=0.8),
    "rmsprop_both": optimizers.RMSprop(0.02, rho=0.9, momentum=0.8, epsilon=1e-3, centered=True),
    "rprop": optimizers.Rprop(0.2, etas=(0.4, 1.3), step_sizes=(1e-3, 0.5)),
    "adafactor": optimizers.Adafactor(0.1, weight_decay=0.05),
}
# The same for matrices (shape, here as (inputs, units)): start sin(1 + i), centre cos(3 i) and
# curvature 1 + cos(2 i) / 2 of element i; after 1, 4 and 10 steps.  PyTorch's Muon was made to stay
# in float64 (its products are in bfloat16), and had the transposed matrices.
MATRIX_AT = (1, 4, 10)
MATRICES = {
    "adafactor_matrix": (optimizers.Adafactor(0.1, epsilon_1=1e-3, epsilon_2=1e-2), (3, 2)),
    "muon_wide": (optimizers.Muon(0.05, weight_decay=0.1, kernels=["a"]), (2, 4)),
    "muon_tall": (optimizers.Muon(0.05, momentum=0.9, nesterov=False, kernels=["a"]), (4, 3)),
}
# fmt: off
PYTORCH = {
    "amsgrad": [
        [-1.9000001666663888, -0.8499998000004, 0.09899993359898167, 0.0, 0.5999999833333362,
         1.1500011764567475, 2.9000000285714203],
        [-1.800159605996336, -0.9448932459268689, 0.19393218075718466, 0.0, 0.6996456903221002,
         1.050111223561325, 2.8001953675934126],
        [-1.7005902355598692, -1.025957481432379, 0.27519275318846803, 0.0, 0.7986673231687542,
         0.9504049273084643, 2.7007254270920376],
        [-1.3073474532864442, -1.079202833579415, 0.3299903671054687, 0.0, 1.1822287578700097,
         0.5549190561225505, 2.3091521052798916],
        [-0.8358611825001261, -0.948313330706474, 0.19831571763759312, 0.0, 1.6023623517465675,
         0.0734163049810956, 1.84544557189187],
    ],
    "nadam": [
        [-1.8904663768020684, -0.8595335866867968, 0.1085337330224078, 0.0, 0.609533787498339,
         1.1404674828638783, 2.8904662255413935],
        [-1.8049877866786868, -0.9238005450358397, 0.17292405932623284, 0.0, 0.6935966877339833,
         1.0545891983838331, 2.8052639520619613],
        [-1.7229615712459359, -0.9697930810876639, 0.21911996155754668, 0.0, 0.7733442131795474,
         0.9719276929929076, 2.7236788965476837],
        [-1.3862131428147715, -1.0182624394028938, 0.2684166298294195, 0.0, 1.0894817414893794,
         0.6296652691751533, 2.390820424325202],
        [-0.9593344188702103, -1.00206230163032, 0.25209799031351177, 0.0, 1.451720578075985,
         0.1864859520470893, 1.9757332340756968],
    ],
    "nadamw": [
        [-1.8543548239252141, -0.8406451757226353, 0.10466517713404364, 0.0, 0.5956451776594636,
         1.1193548345933042, 2.8343548224663047],
        [-1.7406498566080646, -0.8853386321609104, 0.1604114052557557, 0.0, 0.6597736015649152,
         1.0196922498782397, 2.701722241631665],
        [-1.635327441853605, -0.9172257800751538, 0.19949199921830302, 0.0, 0.7164858950400146,
         0.9277301009510459, 2.578318540146295],
        [-1.2351310941696716, -0.9822148781797971, 0.26088635308398256, 0.0, 0.9312047540194821,
         0.5738669980100951, 2.114839145195459],
        [-0.7677140467640924, -0.9915603555928005, 0.2555224065395114, 0.0, 1.1832814624249681,
         0.14615431798033707, 1.5922538256605565],
    ],
    "radam": [
        [-1.94, -0.8, 0.1496, 0.0, 1.1, 1.2415, 2.65],
        [-1.8806666666666667, -0.8444444444444446, 0.25000000000000006, 0.0, 1.5666666666666669,
         1.2330094444444444, 2.327222222222222],
        [-1.8220382513661202, -0.883424408014572, 0.30925245901639353, 0.0, 1.9131147540983608,
         1.2245289448998178, 2.031889799635701],
        [-1.665984184043637, -0.9763329005331597, 0.3294615451196548, 0.0, 2.3120896003620555,
         1.1661055527585167, 1.4872741583237945],
        [-1.496927405121864, -1.0426778071497944, 0.2462838042137177, 0.0, 2.2695902082377897,
         0.9944519519643765, 1.3484665043640636],
    ],
    "adamax": [
        [-1.9000001666663888, -0.8499998000004, 0.09899993359898167, 0.0, 0.5999999833333362,
         1.1500011764567475, 2.9000000285714203],
        [-1.7984677773147664, -0.9318710280707159, 0.18096443414700988, 0.0, 0.7013644895061784,
         1.0489314565981918, 2.7981482075837563],
        [-1.6953894833413279, -0.9951067459167888, 0.24437282976474328, 0.0, 0.8036497311912767,
         0.94681174071258, 2.694391355405996],
        [-1.2671438151997283, -1.076939131797818, 0.3272360166133788, 0.0, 1.211285238708076,
         0.5282497651346664, 2.2596945177239816],
        [-0.6951855007588325, -0.9844966975970334, 0.23499370381292883, 0.0, 1.6691013293019434,
         -0.016489532270968457, 1.6918669873163654],
    ],
    "adagrad": [
        [-1.7346044789603157, -1.003546276375698, 0.29259731281601525, 0.0, 0.7995841993793866,
         1.1721260591674816, 2.701217043565654],
        [-1.5462873394033125, -0.9999499541297393, 0.24344413456939729, 0.0, 0.9868737989295652,
         1.0980463793851143, 2.5034211550682457],
        [-1.3949014240268336, -1.0000007062581393, 0.2510065651675421, 0.0, 1.126718140487024,
         1.0273323567245805, 2.3490582792905292],
        [-0.9609390388152559, -1.000000000000028, 0.25000055922921754, 0.0, 1.4775002611683836,
         0.7718789499141248, 1.9226805771082103],
        [-0.5959349549593349, -1.0, 0.24999999995229938, 0.0, 1.7077402145982465,
         0.49878974396356424, 1.5813026230268956],
    ],
    "adadelta": [
        [-1.9367977805140895, -0.8130126037812605, 0.06256957770954602, 0.0, 0.5636351913497095,
         1.2010759948265823, 2.9363733733943165],
        [-1.8708429268622777, -0.8700455524644958, 0.12017052471308012, 0.0, 0.6294016083570749,
         1.1505795659985258, 2.8700809589951564],
        [-1.8034253720896918, -0.9153801781251298, 0.16590706389523938, 0.0, 0.6956636780024632,
         1.0991261975509967, 2.80249750625581],
        [-1.5290852200509446, -0.9906540644050756, 0.24110257640612562, 0.0, 0.9527120373488078,
         0.8889005028119356, 2.5299391963790256],
        [-1.1905003342572245, -0.9998285618651477, 0.24986595983665888, 0.0, 1.2378710065186926,
         0.6244190280259877, 2.2001146245982754],
    ],
    "rmsprop": [
        [-1.8418869503205224, -0.9081128830147436, 0.15711355100380406, 0.0, 0.6581137996751296,
         1.0918919991256877, 2.8418862598485948],
        [-1.7301658483554774, -0.9652334449612613, 0.21457401834955692, 0.0, 0.7665894871943488,
         0.9792691885570138, 2.730792517806865],
        [-1.6381584105467366, -0.9877818780294411, 0.23743164606488792, 0.0, 0.8541169552792094,
         0.8860311361219986, 2.6396446265694613],
        [-1.3533508204682485, -0.9999473167360381, 0.24994237168104694, 0.0, 1.1144050910151924,
         0.5947264267486653, 2.3594392990252078],
        [-1.0742934975276761, -1.0000000000310043, 0.2500000000472458, 0.0, 1.3512877163418349,
         0.3051742543746531, 2.088009390076634],
    ],
    "rmsprop_centered": [
        [-1.8342541436464088, -0.9155629139072847, 0.1652985865724382, 0.0, 0.6665741254858413,
         1.0896226415094339, 2.8334919124643196],
        [-1.7108378672352258, -0.9727296847011184, 0.22267949623286573, 0.0, 0.7865959836346088,
         0.9682355571215165, 2.710388945019919],
        [-1.6039452158916971, -0.9921817735054953, 0.24218401835000158, 0.0, 0.8879742149656614,
         0.8621394300239476, 2.60428670697464],
        [-1.2323937927417448, -0.9999885835427712, 0.24998887415073684, 0.0, 1.2184599732887227,
         0.4873791608939645, 2.239521185082658],
        [-0.7916214724497038, -0.999999999996786, 0.24999999999712091, 0.0, 1.5452143131579457,
         0.02774963745322595, 1.8187377951097388],
    ],
    "rmsprop_momentum": [
        [-1.9367544501299656, -0.8132455492033679, 0.06224555187534638, 0.0, 0.5632455528700343,
         1.1867544703260353, 2.936754447368061],
        [-1.8407407746646571, -0.9029690165861188, 0.1520015836027363, 0.0, 0.658777539235881,
         1.0906021749067112, 2.8408358269984726],
        [-1.7265661241366432, -0.9950431710882592, 0.24420051129548717, 0.0, 0.7714417484868233,
         0.9759992137479443, 2.726956511759453],
        [-1.2184411381670412, -1.106600197304223, 0.3572878463131886, 0.0, 1.2541122476857096,
         0.46104687612178685, 2.2236394490631723],
        [-0.6358872080996569, -0.9432136467529064, 0.19330450501503044, 0.0, 1.736251392743517,
         -0.14593605331771087, 1.6589666215974912],
    ],
    "rmsprop_both": [
        [-1.9337016574585635, -0.8162251655629139, 0.06551943462897528, 0.0, 0.5666296501943365,
         1.1858490566037736, 2.9333967649857278],
        [-1.8304414078290512, -0.9118824421075007, 0.16157389649276832, 0.0, 0.6697787220925538,
         1.085401278033418, 2.8298282072842182],
        [-1.7043329857090537, -1.0096525638798186, 0.2597387756545341, 0.0, 0.7945042768565911,
         0.9621042884436359, 2.7036191355043373],
        [-1.10060169401713, -1.1090439158974075, 0.35950580131717247, 0.0, 1.3608795385297172,
         0.3621306338816924, 2.105319703514633],
        [-0.3149269200399766, -0.9393355271493529, 0.18911078005839077, 0.0, 1.93622544968993,
         -0.4597005961195319, 1.3568814817850368],
    ],
    "rprop": [
        [-1.8, -0.95, 0.199, 0.0, 0.7, 1.05, 2.8],
        [-1.54, -1.21, 0.459, 0.0, 0.96, 0.79, 2.54],
        [-1.202, -1.21, 0.459, 0.0, 1.298, 0.452, 2.202],
        [0.7374, -1.0248799999999998, 0.27387999999999996, 0.0, 2.0374, -1.4874,
         0.26259999999999994],
        [0.7774000000000001, -0.9863750399999998, 0.23537503999999998, 0.0, 2.0166, -3.4874,
         0.6185999999999999],
    ],
    "adafactor": [
        [-1.8417964671714702, -0.8944535328285299, 0.14720853282852991, 0.0, 0.6457035328285299,
         1.09554646717147, 2.83679646717147],
        [-1.6950901509273153, -0.9717899465847626, 0.22628667300742675, 0.0, 0.7769417803961364,
         0.9515102772226597, 2.6859479673854336],
        [-1.5585626960090093, -0.9939373156657738, 0.2479527461233587, 0.0, 0.8954211962126534,
         0.8167234882396566, 2.546044112137857],
        [-1.0961337631603385, -0.9967336124099159, 0.24918453322626835, 0.0, 1.2654603281561745,
         0.3540145763341319, 2.0765272486083144],
        [-0.644900583802693, -0.9975979974988309, 0.2494046206146218, 0.0, 1.5672288839772284,
         -0.11035827128332004, 1.6290566572497585],
    ],
    "adafactor_matrix": [
        [0.8564149206773345, 0.8007464549991317, 0.22953128559450067, -0.7988645413286262,
         -0.864530161341562, -0.29749395839822557],
        [0.8933696655255898, 0.509854699627917, 0.4578181925055464, -0.8721471705732446,
         -0.611290302855037, -0.3475910641334722],
        [0.9451256343564367, 0.019506766084012854, 0.7763495875806535, -0.9091756924886331,
         -0.18059150438992455, -0.43921583097012934],
    ],
    "muon_wide": [
        [0.8430089630233614, 0.8563885451548214, 0.15825672784810188, -0.7584947272080209,
         -0.9050254720478264, -0.2844974962659433, 0.6531976741527821, 0.9361663160911597],
        [0.8479249267174673, 0.6989146790987131, 0.2097666726314251, -0.7638496597230235,
         -0.7449701729825479, -0.2999747270464878, 0.6424782166586313, 0.7791135484909157],
        [0.8586080504485547, 0.38938436108977387, 0.3132630408732885, -0.7753433355167838,
         -0.4327751159955534, -0.33142401990068115, 0.6236148409283875, 0.4766697586317919],
    ],
    "muon_tall": [
        [0.8351029015642164, 0.8941591632941852, 0.1751952778258369, -0.7797979363374814,
         -0.9393409387116416, -0.2765626594562703, 0.6659255804888956, 0.9689213421534482,
         0.3979336989671993, -0.5142649542449227, -0.9821341500161466, -0.5265515160933844],
        [0.80325132371395, 0.8490761013989541, 0.2836836814680825, -0.8567446493582441,
         -0.8802767659767787, -0.26036941128285956, 0.7031994985942058, 0.9075880039737222,
         0.34860343337516425, -0.41669879996271697, -0.9297146285912707, -0.5064896537839935],
        [0.9148698973277302, 0.7528742636373417, 0.3853448329411675, -0.8602054954349739,
         -0.7687877332514693, -0.3320083740635498, 0.6423245080804654, 0.7910392438730091,
         0.3378214395708496, -0.3700080570896714, -0.8203287150197865, -0.3595583104550915],
    ],
}
# fmt: on


def bowl(p):
    return 2 * CURVATURE * (p - CENTRE)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twelve_steps_match_pytorch(isa, name):
    got, _ = run(OPTIMIZERS[name], lay_out([(7,)]), START, bowl, 12)
    # PyTorch orders the operations otherwise: some roundings a step
    want = np.array(PYTORCH[name])
    np.testing.assert_allclose([got[t - 1] for t in AT], want, rtol=0, atol=5e-14)


@pytest.mark.parametrize("name", MATRICES)
def test_ten_steps_on_a_matrix_match_pytorch(isa, name):
    optimizer, shape = MATRICES[name]
    i = np.arange(math.prod(shape))
    curvature, centre = 1 + np.cos(2.0 * i) / 2, np.cos(3.0 * i)
    got, _ = run(
        optimizer, lay_out([shape]), np.sin(1.0 + i), lambda p: 2 * curvature * (p - centre), 10
    )
    # five iterations of degree five a step make rather more of them
    np.testing.assert_allclose(
        [got[t - 1] for t in MATRIX_AT],
        PYTORCH[name],
        rtol=0,
        atol=1e-11 if "muon" in name else 5e-14,
    )


# ---- against the papers -------------------------------------------------------------------------

PAPERS = {
    "adabelief": (
        optimizers.AdaBelief(0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-8),
        lambda p: twin.adabelief_run(p, 0.1, 0.8, 0.95, 1e-8),
    ),
    "yogi": (
        optimizers.Yogi(0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        lambda p: twin.yogi_run(p, 0.1, 0.8, 0.95, 1e-3),
    ),
    "lion": (
        optimizers.Lion(0.05, beta_1=0.8, beta_2=0.95, weight_decay=0.3),
        lambda p: twin.lion_run(p, 0.05, 0.8, 0.95, 0.3),
    ),
    "lamb": (
        optimizers.Lamb(0.1, beta_1=0.8, beta_2=0.95, weight_decay=0.3),
        lambda p: twin.lamb_run(p, 0.1, 0.8, 0.95, 1e-6, 0.3),
    ),
}


@pytest.mark.parametrize("name", PAPERS)
def test_fifteen_steps_match_the_paper(isa, name):
    optimizer, paper = PAPERS[name]
    got, _ = run(optimizer, lay_out([(7,)]), START, bowl, 15)
    want = twin.trace(paper, bowl, START, 15)
    np.testing.assert_allclose(got, want, rtol=0, atol=5e-14)


@pytest.mark.parametrize("rate", [0.1, schedules.Warmup(schedules.Cosine(0.1, 20), 5)])
def test_schedule_free_matches_the_paper(isa, rate):
    optimizer = optimizers.ScheduleFreeAdamW(rate, beta_1=0.8, beta_2=0.95, weight_decay=0.05)
    at = rate if isinstance(rate, schedules.Schedule) else schedules.Constant(rate)
    averages = []
    want = twin.trace(
        lambda p: twin.schedule_free_run(p, at, 0.8, 0.95, 1e-8, 0.05, averages), bowl, START, 15
    )
    got, state = run(optimizer, lay_out([(7,)]), START, bowl, 15)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)
    state.use_averages(True)
    np.testing.assert_allclose(state.network.parameter_arena, averages[-1], rtol=0, atol=1e-13)


def test_lamb_takes_each_parameter_for_itself(isa):
    optimizer = optimizers.Lamb(0.1, weight_decay=0.3, exclude=["b"], multipliers={"b": 0.5})
    got, _ = run(
        optimizer, lay_out([(2, 2), (3,)]), START, lambda p: 2 * CURVATURE * (p - CENTRE), 10
    )
    first = twin.trace(
        lambda p: twin.lamb_run(p, 0.1, 0.9, 0.999, 1e-6, 0.3),
        lambda p: bowl(np.r_[p, p[:3]])[:4], START[:4], 10,
    )  # fmt: skip
    second = twin.trace(
        lambda p: twin.lamb_run(p, 0.05, 0.9, 0.999, 1e-6, 0.0),
        lambda p: bowl(np.r_[p, p, p[:1]] * 0 + np.r_[np.zeros(4), p])[4:], START[4:], 10,
    )  # fmt: skip
    np.testing.assert_allclose(got, np.hstack([first, second]), rtol=0, atol=5e-14)


def test_lamb_with_a_parameter_of_zeros_moves(isa):
    got, _ = run(optimizers.Lamb(0.1), lay_out([(7,)]), np.zeros(7), bowl, 1)
    np.testing.assert_allclose(np.abs(got[0]), [0.1, 0.1, 0.1, 0, 0.1, 0.1, 0.1], rtol=1e-4)


@pytest.mark.parametrize("shape", [(5, 130), (150, 140)])  # products in one part and in more
def test_muon_orthogonalizes_hidden_kernels_alone(isa, shape):
    rng = np.random.default_rng(shape)
    n = math.prod(shape)
    start, grad = rng.standard_normal((2, n + 6))
    optimizer = optimizers.Muon(0.1, kernels=["a"], adam_ratio=0.5, weight_decay=0.2, exclude=["b"])
    state = new_state(optimizer, lay_out([shape, (2, 3)]))
    state.network.parameter_arena[...] = start
    got = step(state, grad)
    g = grad[:n].reshape(shape)
    m = 0.05 * g
    u = twin.orthogonalize(0.05 * g + 0.95 * m)
    want = start[:n] * (1 - 0.1 * 0.2) - 0.1 * math.sqrt(max(1, shape[1] / shape[0])) * u.ravel()
    np.testing.assert_allclose(got[:n], want, rtol=0, atol=1e-11)
    np.testing.assert_allclose(got[n:], start[n:] - 0.05 * np.sign(grad[n:]), rtol=0, atol=1e-6)
    singular = np.linalg.svd(u, compute_uv=False)
    assert singular.min() > 0.3
    assert singular.max() < 1.3


def test_muon_finds_its_kernels():
    names = ["in/kernel", "hidden_0/kernel", "hidden_1/kernel", "out/kernel"]
    assert optimizers.Muon().hidden_kernels(names) == set(names[1:3])
    assert optimizers.Muon(kernels=["*_1/*"]).hidden_kernels(names) == {names[2]}
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(4), fnn.Dense(1)])
    with pytest.raises(ValueError, match=r"Muon: the model has no hidden kernel.*dense_0/kernel"):
        fnn.Trainer(model, "mse", "muon")


# ---- what happens to gradients ------------------------------------------------------------------

SHAPES = [(3, 4), (5,), (40, 500)]  # the last is more than a piece
N = 12 + 5 + 20_000


def parts(values):
    return [values[:12], values[12:17], values[17:]]


def random(seed, dtype="float64"):
    return np.random.default_rng(seed).standard_normal(N).astype(dtype)


def moved(optimizer, grad, dtype="float64", **more):
    """What SGD with learning rate 1 takes away: the gradient that reaches it."""
    state = new_state(optimizer, lay_out(SHAPES, **more), dtype)
    state.network.parameter_arena[...] = 0
    return -step(state, grad)


def test_clip_value(isa, dtype):
    grad = random(0, dtype)
    got = moved(fnn.SGD(1.0, clip_value=0.5), grad, np.dtype(dtype).name)
    np.testing.assert_array_equal(got, np.clip(grad, dtype(-0.5), dtype(0.5)))


def scaled(grad, most):
    norm = np.linalg.norm(grad.astype(float))
    return grad * (most / norm) if norm > most else grad


def test_clip_norm_of_each_parameter(isa, dtype):
    grad = random(1, dtype)
    got = moved(fnn.SGD(1.0, clip_norm=2.1), grad, np.dtype(dtype).name)
    want = np.concatenate([scaled(part, 2.1) for part in parts(grad)])
    norms = [np.linalg.norm(part) for part in parts(grad)]
    assert min(norms) < 2.1 < max(norms)
    np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)


def test_global_clip_norm(isa, dtype):
    grad = random(2, dtype)
    got = moved(fnn.SGD(1.0, global_clip_norm=3.0), grad, np.dtype(dtype).name)
    np.testing.assert_allclose(got, scaled(grad, 3.0), rtol=4 * np.finfo(dtype).eps)
    assert np.linalg.norm(got.astype(float)) == pytest.approx(3.0, rel=1e-5)
    small = grad * dtype(1e-4)
    got = moved(fnn.SGD(1.0, global_clip_norm=3.0), small, np.dtype(dtype).name)
    np.testing.assert_array_equal(got, small)


def test_all_clips_in_their_order(isa):
    grad = random(3)
    got = moved(fnn.SGD(1.0, clip_value=0.5, clip_norm=1.0, global_clip_norm=1.5), grad)
    clipped = np.concatenate([scaled(part, 1.0) for part in parts(np.clip(grad, -0.5, 0.5))])
    np.testing.assert_allclose(got, scaled(clipped, 1.5), rtol=1e-13)


def test_centralize_takes_means_of_columns_away(isa, dtype):
    grad = random(4, dtype) + dtype(1)
    got = moved(fnn.SGD(1.0, centralize=True), grad, np.dtype(dtype).name)
    exact = grad.astype(float)
    want = exact.copy()
    for part, shape in zip(parts(want), SHAPES, strict=True):
        if len(shape) == 2:
            part.reshape(shape)[...] -= part.reshape(shape).mean(axis=0)
    np.testing.assert_allclose(got, want, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_noise_is_the_streams(isa):
    optimizer = fnn.SGD(1.0, noise=0.3, noise_decay=0.7)
    state = new_state(optimizer, lay_out(SHAPES), seed=11)
    state.network.parameter_arena[...] = 0
    for t in (1, 2, 3):
        before = state.network.parameter_arena.copy()
        got = before - step(state, np.zeros(N))
        want = math.sqrt(0.3 / t**0.7) * _core.random_normal(11, "gradient", 0, t, N)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-14)
    assert abs(want.std() / math.sqrt(0.3 / 3**0.7) - 1) < 0.03


def test_accumulated_gradients_are_their_mean(isa, dtype):
    name = np.dtype(dtype).name
    grads = [random(k, dtype) for k in range(7)]
    state = new_state(fnn.SGD(1.0, accumulate_steps=3), lay_out(SHAPES), name)
    state.network.parameter_arena[...] = 0
    for k, grad in enumerate(grads, 1):
        p = step(state, grad)
        assert state.t == k // 3
        want = np.zeros(N)
        for done in range(k // 3):
            want -= np.mean([g.astype(float) for g in grads[3 * done : 3 * done + 3]], axis=0)
        np.testing.assert_allclose(p, want, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_penalties_gradient_and_value(isa, dtype):
    name = np.dtype(dtype).name
    kinds = {"a": regularizers.L1(0.3), "b": regularizers.L2(0.2), "c": regularizers.L1L2(0.1, 0.4)}
    segments = lay_out(SHAPES, regularizer=kinds)
    state = new_state(fnn.SGD(1.0), segments, name)
    p = random(5, dtype)
    p[3] = 0
    state.network.parameter_arena[...] = p
    got = p - step(state, np.zeros(N))
    a, b, c = parts(p.astype(float))
    want = np.concatenate([0.3 * np.sign(a), 0.4 * b, 0.1 * np.sign(c) + 0.8 * c])
    np.testing.assert_allclose(got, want, rtol=0, atol=8 * np.finfo(dtype).eps)
    assert want[3] == 0


def penalized(dtype="float64", optimizer=None):
    """A trainer of a model whose kernels have penalties, and their value now."""
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)], seed=0, dtype=dtype)
    trainer = fnn.Trainer(model, "mse", optimizer or fnn.SGD(0.1))
    kinds = [regularizers.L1(0.02), None, regularizers.L2(0.05), None]
    segments = [
        Segment(slot.name, slot.offset, slot.shape, regularizer=kind)
        for slot, kind in zip(model._slots, kinds, strict=True)
    ]
    model.penalties = describe_penalties(segments)
    trainer._state = _core.OptimizerState(
        model, trainer.optimizer.settings(), describe_segments(segments, trainer.optimizer)
    )

    def value():
        first, _, second, _ = (v.astype(float) for v in model.parameters.values())
        return 0.02 * np.abs(first).sum() + 0.05 * np.square(second).sum()

    return trainer, value


def test_penalties_are_part_of_every_loss(isa, dtype):
    trainer, value = penalized(np.dtype(dtype).name)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 1))

    def error():
        return np.square(trainer.model.predict(x).astype(float) - y).mean()

    rtol = 1e-12 if dtype is np.float64 else 1e-5
    assert trainer.evaluate(x, y)["loss"] == pytest.approx(error() + value(), rel=rtol)
    want = error() + value()
    assert trainer.train_on_batch(x, y)["loss"] == pytest.approx(want, rel=rtol)
    # over an epoch: the mean over rows of what each batch saw
    twin_trainer, twin_value = penalized(np.dtype(dtype).name)
    twin_trainer.train_on_batch(x, y)
    sums = 0.0
    for first in (0, 12, 24):
        rows = slice(first, first + 12)
        sums += twin_trainer.train_on_batch(x[rows], y[rows])["loss"] * len(x[rows])
    history = trainer.fit(x, y, batch_size=12, epochs=1, shuffle=False, verbose=0)
    assert history["loss"][0] == pytest.approx(sums / 30, rel=rtol)
    assert twin_value() == value()


def test_penalties_gradients_by_differences(isa):
    trainer, _ = penalized(optimizer=fnn.SGD(1.0))
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((9, 3)), rng.standard_normal((9, 1))
    arena = trainer.model.parameter_arena
    start = arena.copy()
    trainer.train_on_batch(x, y)
    got = start - arena
    for i in range(start.size):
        losses = []
        for h in (1e-6, -1e-6):
            arena[...] = start
            arena[i] += h
            losses.append(trainer.evaluate(x, y)["loss"])
        assert got[i] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)


# ---- what happens to parameters -----------------------------------------------------------------


def constrained(constraint, start, shape, dtype="float64"):
    state = new_state(fnn.SGD(1.0), lay_out([shape], constraint={"a": constraint}), dtype)
    state.network.parameter_arena[...] = start.ravel()
    return step(state, 0).reshape(shape)


@pytest.mark.parametrize("shape", [(6, 5), (30, 1), (9,)])
def test_constraints(isa, dtype, shape):
    start = np.random.default_rng(7).standard_normal(shape).astype(dtype)
    start.reshape(len(start), -1)[:, 0] *= dtype(0.1)
    norms = np.linalg.norm(start.astype(float), axis=0)
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 0}
    for constraint, want in (
        (constraints.MaxNorm(1.5), start * np.minimum(1, 1.5 / norms)),
        (constraints.UnitNorm(), start / norms),
        (constraints.NonNegative(), np.maximum(start, 0)),
        (constraints.MinMaxNorm(0.7, 1.1), start * np.clip(norms, 0.7, 1.1) / norms),
        (
            constraints.MinMaxNorm(0.7, 1.1, rate=0.25),
            start * (0.25 * np.clip(norms, 0.7, 1.1) + 0.75 * norms) / norms,
        ),
    ):
        got = constrained(constraint, start, shape, np.dtype(dtype).name)
        np.testing.assert_allclose(got, want, **tolerance)
    inside = constrained(constraints.MaxNorm(100.0), start, shape, np.dtype(dtype).name)
    np.testing.assert_array_equal(inside, start)


def test_norm_constraints_leave_columns_of_zeros(isa):
    for constraint in (constraints.UnitNorm(), constraints.MinMaxNorm(0.5), constraints.MaxNorm()):
        np.testing.assert_array_equal(constrained(constraint, np.zeros((3, 2)), (3, 2)), 0)


@pytest.mark.parametrize("clip", [None, 100.0])  # piecewise and whole
def test_ema_and_lookahead(isa, clip):
    optimizer = fnn.SGD(0.05, momentum=0.5, global_clip_norm=clip, ema=0.9,
                        lookahead_steps=3, lookahead_alpha=0.4)  # fmt: skip
    got, state = run(optimizer, lay_out([(7,)]), START, bowl, 8)
    p = slow = mean = np.array(START)
    v = 0
    for t in range(1, 9):
        v = 0.5 * v + bowl(p)
        p = p - 0.05 * v
        if t % 3 == 0:
            p = slow = slow + 0.4 * (p - slow)
        mean = 0.9 * mean + 0.1 * p
        np.testing.assert_allclose(got[t - 1], p, rtol=0, atol=1e-14)
    np.testing.assert_allclose(state.arrays()["ema"], mean, rtol=0, atol=1e-14)
    state.use_averages(True)
    np.testing.assert_array_equal(state.network.parameter_arena, state.arrays()["ema"])
    state.use_averages(True)
    state.use_averages(False)
    np.testing.assert_array_equal(state.network.parameter_arena, got[-1])
    # whoever changes the parameters meanwhile goes on from there
    state.use_averages(True)
    state.network.parameter_arena[0] = 5
    state.use_averages(False)
    assert state.network.parameter_arena[0] == 5


@pytest.mark.parametrize("optimizer", [fnn.Adam(0.01, ema=0.9), "schedule_free_adamw"])
@pytest.mark.parametrize("verbose", [0, 1])
def test_a_fit_ends_with_averages_and_goes_on_without(optimizer, verbose, capsys):
    x = np.linspace(-1, 1, 40)[:, None]
    y = np.sin(3 * x)

    def trainer():
        model = fnn.Sequential([fnn.Input(1), fnn.Dense(8, "tanh"), fnn.Dense(1)], seed=1)
        return fnn.Trainer(model, "mse", optimizer)

    once, twice = trainer(), trainer()
    settings = {"batch_size": 8, "verbose": verbose}
    once.fit(x, y, epochs=5, **settings)
    twice.fit(x, y, epochs=2, validation_data=(x, y), **settings)
    history = twice.fit(x, y, epochs=3, validation_data=(x, y), **settings)
    np.testing.assert_array_equal(once.model.parameter_arena, twice.model.parameter_arena)
    # validation saw the averages
    assert history["val_loss"][-1] == twice.evaluate(x, y)["loss"]
    once._state.use_averages(False)
    assert (once.model.parameter_arena != twice.model.parameter_arena).any()


def test_decay_and_multipliers_by_pattern(isa):
    optimizer = fnn.SGD(
        0.1, weight_decay=0.5, exclude=["b"], multipliers={"[bc]": 2.0, "c": 9.0, "a": 0.0}
    )
    grad, start = random(8), random(9)
    state = new_state(optimizer, lay_out(SHAPES))
    state.network.parameter_arena[...] = start
    a, b, c = parts(step(state, grad))
    np.testing.assert_array_equal(a, start[:12])
    np.testing.assert_allclose(b, start[12:17] - 0.2 * grad[12:17], rtol=0, atol=1e-15)
    want = start[17:] * (1 - 0.2 * 0.5) - 0.2 * grad[17:]
    np.testing.assert_allclose(c, want, rtol=0, atol=1e-15)


def test_multipliers_for_nothing_are_refused():
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(1)])
    with pytest.raises(
        ValueError, match=r"no parameter is named 'dens_0/\*'; there are: dense_0/k"
    ):
        fnn.Trainer(model, "mse", fnn.Adam(multipliers={"dens_0/*": 0.1}))


# ---- every optimizer ----------------------------------------------------------------------------

EVERY = {name: optimizers.Optimizer.table[name]() for name in optimizers.Optimizer.table}
EVERY |= {
    "rmsprop_both": optimizers.RMSprop(1e-3, momentum=0.5, centered=True),
    "sgd_nesterov": optimizers.SGD(0.01, momentum=0.9, nesterov=True, weight_decay=0.1),
    "amsgrad": optimizers.Adam(amsgrad=True),
    "everything": optimizers.Adam(
        schedules.Cosine(1e-2, 50), clip_value=1.0, clip_norm=2.0, global_clip_norm=2.5,
        centralize=True, accumulate_steps=2, noise=1e-3, lookahead_steps=3, ema=0.9,
        weight_decay=0.1,
    ),
}  # fmt: skip


def deep(dtype="float32", units=37):
    """With a gap in its arena, a hidden kernel, and more than one stretch on lines."""
    layers = [fnn.Dense(units, "tanh"), fnn.Dense(units + 1, "tanh"), fnn.Dense(2)]
    return fnn.Sequential([fnn.Input(5), *layers], seed=4, dtype=dtype)


def fitted(optimizer, threads, *, units, batch, dtype="float32", epochs=2):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((600, 5)), rng.standard_normal((600, 2))
    trainer = fnn.Trainer(deep(dtype, units), "mse", optimizer)
    with fnn.threads(threads):
        history = trainer.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return trainer, history


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("units, batch", [(37, 600), (200, 150)])  # in shards; kernel by kernel
def test_same_bits_at_any_number_of_threads(name, units, batch):
    found = [fitted(EVERY[name], threads, units=units, batch=batch)[0] for threads in (1, 2, 3)]
    for other in found[1:]:
        np.testing.assert_array_equal(other.model.parameter_arena, found[0].model.parameter_arena)
        for key, array in found[0]._state.arrays().items():
            np.testing.assert_array_equal(other._state.arrays()[key], array)
    assert np.isfinite(found[0].model.parameter_arena).all()
    assert (found[0].model.parameter_arena != deep(units=units).parameter_arena).any()


@pytest.mark.parametrize("name", EVERY)
def test_gaps_stay_zero_and_steps_allocate_nothing(isa, dtype, name):
    trainer, _ = fitted(EVERY[name], 1, units=37, batch=32, dtype=np.dtype(dtype).name)
    model = trainer.model
    covered = np.zeros(model.parameter_arena.size, bool)
    for slot in model._slots:
        covered[slot.offset : slot.offset + math.prod(slot.shape)] = True
    assert not covered.all()
    assert (model.parameter_arena[~covered] == 0).all()
    trainer._state.use_averages(False)
    before = _core.allocations()
    for _ in range(5):
        trainer._state.step()
    assert _core.allocations() == before


@pytest.mark.parametrize("name", EVERY)
def test_a_state_put_back_goes_on_with_the_same_bits(name):
    straight, _ = fitted(EVERY[name], 1, units=37, batch=64, epochs=6)
    first, _ = fitted(EVERY[name], 1, units=37, batch=64, epochs=2)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((600, 5)), rng.standard_normal((600, 2))
    second = fnn.Trainer(deep(), "mse", EVERY[name])
    second.model.parameter_arena[...] = first.model.parameter_arena
    for key, array in second._state.arrays().items():
        array[...] = first._state.arrays()[key]
    second._state.t = first._state.t
    second.epochs = first.epochs
    second.fit(x, y, batch_size=64, epochs=4, verbose=0)
    np.testing.assert_array_equal(second.model.parameter_arena, straight.model.parameter_arena)


@pytest.mark.parametrize("name", EVERY)
def test_every_optimizer_learns(name):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((200, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 0.3
    layers = [fnn.Dense(16, "tanh"), fnn.Dense(16, "tanh"), fnn.Dense(1)]
    model = fnn.Sequential([fnn.Input(3), *layers], seed=0)
    batch = 200 if name == "rprop" else 20
    trainer = fnn.Trainer(model, "mse", EVERY[name])
    history = trainer.fit(x, y, batch_size=batch, epochs=60, verbose=0)
    assert history["loss"][-1] < 0.6 * history["loss"][0]


@pytest.mark.parametrize("name", EVERY)
def test_frozen_parameters_stay(isa, name):
    optimizer = EVERY[name]
    model = deep()
    segments = [
        Segment(slot.name, slot.offset, slot.shape, trainable=i not in (1, 2))
        for i, slot in enumerate(model._slots)
    ]
    if name == "muon":
        optimizer = optimizer.replace(kernels=["dense_0/kernel"])
    state = _core.OptimizerState(
        model, optimizer.settings(), describe_segments(segments, optimizer)
    )
    start = model.get_weights()
    for _ in range(4):
        model.gradient_arena[...] = 1
        state.step()
    for i, (before, now) in enumerate(zip(start, model.get_weights(), strict=True)):
        assert (before == now).all() == (i in (1, 2))


# ---- errors, and the learning rate --------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"clip_norm": 1.0}, {"global_clip_norm": 1.0}])
def test_a_norm_that_is_not_finite_changes_nothing(isa, dtype, settings):
    optimizer = fnn.Adam(accumulate_steps=2, ema=0.5, **settings)
    state = new_state(optimizer, lay_out(SHAPES), np.dtype(dtype).name)
    for k in range(4):
        step(state, random(k, dtype))
    before = {key: array.copy() for key, array in state.arrays().items()}
    start = state.network.parameter_arena.copy()
    step(state, random(5, dtype))
    bad = random(6, dtype)
    bad[13] = np.inf
    with pytest.raises(FloatingPointError, match="norm of the gradients is not finite"):
        step(state, bad)
    assert state.t == 2
    np.testing.assert_array_equal(state.network.parameter_arena, start)
    for key, array in state.arrays().items():
        if key != "accumulated":
            np.testing.assert_array_equal(array, before[key])
    # the next two are a pair of their own
    first, second = random(7, dtype), random(8, dtype)
    step(state, first)
    step(state, second)
    assert state.t == 3
    assert np.isfinite(state.network.parameter_arena).all()


def test_a_fit_reports_a_norm_that_is_not_finite():
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    trainer = fnn.Trainer(model, "mae", fnn.SGD(0.1, global_clip_norm=1.0))
    x = np.full((8, 1), 3e38, np.float32)
    before = model.parameter_arena.copy()
    model.parameters["dense_0/kernel"][...] = 0
    before[...] = model.parameter_arena
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 1.*norm of the gradients"):
        trainer.fit(x, np.ones((8, 1)), epochs=1, verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, before)
    assert trainer.steps == 0


def test_learning_rate_of_a_trainer():
    schedule = schedules.Linear(0.1, steps=10)
    model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0, dtype="float64")
    trainer = fnn.Trainer(model, "mse", fnn.SGD(schedule))
    x, y = np.ones((1, 1)), np.ones((1, 1))
    for k in range(4):
        assert trainer.learning_rate == schedule(k)
        kernel = float(model.parameters["dense_0/kernel"][0, 0])
        bias = float(model.parameters["dense_0/bias"][0])
        trainer.train_on_batch(x, y)
        want = kernel - schedule(k) * 2 * (kernel + bias - 1)
        assert model.parameters["dense_0/kernel"][0, 0] == pytest.approx(want, rel=1e-12)
    trainer.learning_rate = 0.25
    assert trainer.learning_rate == 0.25 == trainer.optimizer.learning_rate
    assert trainer.steps == 4


def test_a_schedule_runs_inside_an_epoch():
    schedule = schedules.Warmup(schedules.Exponential(0.2, 7, 0.5), 3, start=0.05)
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((50, 1))
    models = [fnn.Sequential([fnn.Input(3), fnn.Dense(1)], seed=0) for _ in range(2)]
    fnn.Trainer(models[0], "mse", fnn.Adam(schedule)).fit(
        x, y, batch_size=5, shuffle=False, epochs=2, verbose=0
    )
    by_hand = fnn.Trainer(models[1], "mse", fnn.Adam(1.0))
    for k in range(20):
        by_hand.learning_rate = schedule(k)
        rows = slice(5 * (k % 10), 5 * (k % 10) + 5)
        by_hand.train_on_batch(x[rows], y[rows])
    np.testing.assert_array_equal(models[0].parameter_arena, models[1].parameter_arena)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: fnn.Adam(weight_decay=2000), ValueError, r"learning_rate \* weight_decay must be"),
        (
            lambda: fnn.Adam(schedules.OneCycle(0.5, 10), weight_decay=2),
            ValueError,
            "must be below 1, got 0.5",
        ),
        (lambda: fnn.SGD(multipliers={"a": -1}), ValueError, r"multipliers\['a'\] must be"),
        (lambda: fnn.SGD(multipliers=["a"]), TypeError, "multipliers must map patterns"),
        (lambda: fnn.SGD(clip_value=0), ValueError, "clip_value must be .* above 0"),
        (lambda: fnn.SGD(clip_norm=-1), ValueError, "clip_norm must be"),
        (lambda: fnn.SGD(global_clip_norm="1"), TypeError, "global_clip_norm must be"),
        (lambda: fnn.SGD(centralize=1), TypeError, "centralize must be True or False"),
        (lambda: fnn.SGD(accumulate_steps=0), ValueError, "accumulate_steps must be"),
        (lambda: fnn.SGD(noise=-1), ValueError, "noise must be"),
        (lambda: fnn.SGD(ema=1), ValueError, "ema must be .* below 1"),
        (lambda: fnn.SGD(lookahead_steps=0), ValueError, "lookahead_steps must be"),
        (lambda: fnn.SGD(lookahead_alpha=2), ValueError, "lookahead_alpha must be at most 1"),
        (lambda: optimizers.ScheduleFreeAdamW(ema=0.9), ValueError, "ema cannot be combined"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=0), ValueError, "beta_1 must be .* above 0"),
        (lambda: optimizers.Rprop(schedules.Constant(0.1)), TypeError, "must be a number, got Con"),
        (lambda: optimizers.Rprop(etas=(1.5, 2)), ValueError, r"etas\[0\] must be"),
        (lambda: optimizers.Rprop(step_sizes=(2, 1)), ValueError, "step_sizes must rise"),
        (lambda: optimizers.Muon(kernels="a"), TypeError, "kernels must be a list or tuple"),
        (lambda: optimizers.Adafactor(beta_2_decay=0), ValueError, "beta_2_decay must be"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), ValueError, "max_value must be at least min"),
        (lambda: constraints.MinMaxNorm(rate=2), ValueError, "rate must be at most 1"),
        (lambda: constraints.get("max_nrm"), ValueError, "did you mean 'max_norm'"),
        (lambda: regularizers.L2(-1), ValueError, "L2: l2 must be"),
        (lambda: regularizers.get("l3"), ValueError, "unknown regularizer 'l3'"),
    ],
)
def test_settings_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_state_refuses_other_settings():
    state = new_state(fnn.Adam(), lay_out([(7,)]))
    for other, message in (
        (fnn.SGD(), "kind was 1, got 0"),
        (fnn.Adam(ema=0.5), "ema cannot be changed"),
        (fnn.Adam(lookahead_steps=5), "lookahead_steps cannot be changed"),
        (fnn.Adam(accumulate_steps=5), "accumulate_steps cannot be changed from 1"),
    ):
        with pytest.raises(ValueError, match=message):
            state.configure(other.settings())
    state.configure(fnn.Adam(0.5).settings())
    assert state.learning_rate == 0.5
    for segments in ([Segment("a", 4, (4,))], [Segment("a", 0, (4,)), Segment("b", 3, (2,))]):
        with pytest.raises(ValueError, match="out of place"):
            _core.OptimizerState(
                state.network, fnn.SGD().settings(), describe_segments(segments, fnn.SGD())
            )


def test_specs_of_updates_go_through_json():
    for spec in (
        fnn.AdamW(schedules.Warmup(schedules.Cosine(1e-3, 10), 5), multipliers={"a*": 0.5}),
        optimizers.Rprop(etas=(0.4, 1.5)),
        optimizers.Muon(kernels=["a"], ema=0.5),
    ):
        again = optimizers.get(json.loads(json.dumps(spec.config())))
        assert again.config() == spec.config()
        assert repr(again) == repr(spec)


@pytest.mark.parametrize("weighted", [False, True])
def test_penalties_per_row(dtype, weighted):
    """Divided by the rows of each batch, or their weights: the last of 7 rows has 3."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((7, 2)), rng.standard_normal((7, 1))
    weight = rng.uniform(0.5, 2, 7) if weighted else np.ones(7)
    kernel = fnn.regularizers.L1L2(0.3, 0.7)
    model = fnn.Sequential(
        [fnn.Input(2), fnn.Dense(1, kernel_regularizer=kernel)], seed=0, dtype=dtype
    )
    model.penalties_per_row = True
    w = model.parameters["dense_0/kernel"].astype(np.float64)
    b = model.parameters["dense_0/bias"].astype(np.float64)
    history = fnn.Trainer(model, "mse", fnn.SGD(0.1)).fit(
        x, y, sample_weight=weight if weighted else None, batch_size=4, shuffle=False, verbose=0
    )
    sums = 0.0
    for rows in (slice(0, 4), slice(4, 7)):
        some = weight[rows][:, None]
        error = x[rows] @ w + b - y[rows]
        total = some.sum()
        sums += (some * error**2).sum() + 0.3 * np.abs(w).sum() + 0.7 * (w**2).sum()
        dw = (2 * x[rows].T @ (some * error) + 0.3 * np.sign(w) + 1.4 * w) / total
        db = 2 * (some * error).sum(axis=0) / total
        w, b = w - 0.1 * dw, b - 0.1 * db
    rtol = 1e-12 if np.dtype(dtype) == np.float64 else 1e-5  # two steps, rounded
    np.testing.assert_allclose(model.parameters["dense_0/kernel"], w, rtol=rtol)
    np.testing.assert_allclose(model.parameters["dense_0/bias"], b, rtol=rtol)
    np.testing.assert_allclose(history["loss"], [sums / weight.sum()], rtol=rtol)
