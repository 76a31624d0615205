"""The page in a browser: nothing fails, nothing is fetched, tables sort, the slider moves, a phone can show it."""

import json

import pytest

from mmuda.reports import write_report
from tests.helpers.browser import browser, resize  # noqa: F401  (a fixture)
from tests.helpers.two_models import make_imagery
from tests.helpers.work_dirs import METRICS, write_run

LOG = {
    'output.loss_discriminator': {1: 0.7, 2: 0.6},
    'output.acc_source': {1: 0.5, 2: 0.9},
    'output.acc_target': {1: 0.5, 2: 0.8},
    'supervised.decode.loss_ce': {1: 1.0, 2: 0.5},
}
SCORES = dict(weak=30.0, strong=9.0)  # as texts, they would sort the other way


@pytest.fixture(scope='module')
def file(tmp_path_factory, browser):  # noqa: F811
    """The page of two runs; made only where there is a browser."""
    folder = tmp_path_factory.mktemp('page')
    config = make_imagery(folder)
    for name, score in SCORES.items():
        weights = config.with_name(f'{name}.pth')
        write_run(folder / 'out' / name / 'seed0', config, weights, 0, LOG, METRICS | {'mIoU': score})
    return write_report([folder / 'out' / name for name in SCORES], folder / 'page.html', report=str)


@pytest.fixture
def page(file, browser):  # noqa: F811
    resize(browser, 1400)
    for log in ('browser', 'performance'):
        browser.get_log(log)
    browser.get(file.as_uri())
    return browser


def column(page, table, number):
    return [row.text for row in page.find_elements('css selector', f'{table} tbody tr > :nth-child({number})')]


def test_nothing_fails_and_nothing_is_fetched(page):
    images = page.execute_script(
        'return [...document.images].map((one) => [one.alt, one.complete && one.naturalWidth, one.offsetWidth])'
    )
    assert len(images) > 20
    assert all(natural > 0 for _, natural, _ in images) and all(alt for alt, _, _ in images)
    page.execute_script('for (const one of document.querySelectorAll("details")) one.open = true')
    assert not page.get_log('browser')
    entries = [json.loads(entry['message'])['message'] for entry in page.get_log('performance')]
    asked = [entry['params']['request']['url'] for entry in entries if entry['method'] == 'Network.requestWillBeSent']
    assert asked and not [url for url in asked if not url.startswith(('file:', 'data:'))]
    assert len([url for url in asked if url.startswith('file:')]) == 1


def test_tables_sort(page):
    table = 'section[id$=results] .scroll:first-of-type table'
    assert column(page, table, 1) == ['weak', 'strong']
    buttons = page.find_elements('css selector', f'{table} thead button')
    buttons[1].click()
    assert (column(page, table, 1), column(page, table, 2)) == (['strong', 'weak'], ['9.0', '30.0'])
    assert buttons[1].find_element('xpath', '..').get_attribute('aria-sort') == 'ascending'
    buttons[1].click()
    assert column(page, table, 2) == ['30.0', '9.0']
    buttons[2].click()  # the reference has no difference to itself: it stays at the end
    assert column(page, table, 1) == ['strong', 'weak']
    buttons[2].click()
    assert column(page, table, 1) == ['strong', 'weak']
    buttons[0].click()
    assert column(page, table, 1) == ['strong', 'weak']
    buttons[0].click()
    assert column(page, table, 1) == ['weak', 'strong']


def clips(page):
    """Left and right map with their clips, as the browser computes them."""
    return page.execute_script(
        "return ['left', 'right'].map((side) => { const one = document.querySelector(`.stage .is-${side}`);"
        'return [one.dataset.name, getComputedStyle(one).clipPath, getComputedStyle(one).visibility] })'
    )


def test_the_slider_moves(page):
    def slide(name, value):
        page.execute_script(
            'arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event("input"))',
            page.find_element('css selector', f'input.{name}'),
            value,
        )

    before = clips(page)
    slide('split', 20)
    after = clips(page)
    assert [one[0] for one in before] == [one[0] for one in after] == ['weak', 'strong']
    assert before[0][1] != after[0][1] and '20%' in after[1][1] and '50%' in before[1][1]
    slide('opacity', 30)
    opacity = page.execute_script('return getComputedStyle(document.querySelector(".stage .is-left")).opacity')
    assert float(opacity) == pytest.approx(0.3)


def test_the_slider_moves_by_the_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    before = clips(page)
    page.find_element('css selector', 'input.split').send_keys(Keys.ARROW_RIGHT)
    assert '51%' in clips(page)[1][1] and clips(page) != before


def test_other_maps_can_be_chosen(page):
    page.find_element('css selector', 'select.right option:nth-child(3)').click()
    names, visible = page.execute_script(
        'const maps = [...document.querySelectorAll(".stage .map")];'
        'return [maps.map((one) => one.dataset.name), '
        'maps.filter((one) => getComputedStyle(one).visibility === "visible").map((one) => one.dataset.name)]'
    )
    assert names == ['weak', 'strong', 'truth'] and visible == ['weak', 'truth']


@pytest.mark.parametrize('width', [390, 1400])
def test_nothing_is_wider_than_the_screen(page, width):
    resize(page, width)
    page.execute_script('for (const one of document.querySelectorAll("details")) one.open = true')
    wide = page.execute_script('return document.documentElement.scrollWidth')
    assert wide <= width
    small = page.execute_script(
        'return [...document.querySelectorAll("p, td, th, figcaption, label, li")]'
        '.filter((one) => parseFloat(getComputedStyle(one).fontSize) < 11).length'
    )
    assert small == 0
