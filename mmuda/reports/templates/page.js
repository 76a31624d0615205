'use strict';

// A click on a column's name sorts its table; a second one turns the order round. Empty cells stay at the end.
function sort(head) {
  const table = head.closest('table');
  const column = head.cellIndex;
  const descending = head.getAttribute('aria-sort') === 'ascending';
  for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  const body = table.tBodies[0];
  const key = (row) => row.cells[column].dataset.value;
  const rows = [...body.rows].sort((a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === '' || other === '') return (one === '') - (other === '');
    const difference = one - other;
    const order = Number.isNaN(difference) ? one.localeCompare(other) : difference;
    return descending ? -order : order;
  });
  body.append(...rows);
}

for (const head of document.querySelectorAll('table.sortable thead th')) {
  head.querySelector('button').addEventListener('click', () => sort(head));
}

for (const box of document.querySelectorAll('.compare')) {
  const stage = box.querySelector('.stage');
  const show = () => {
    for (const side of ['left', 'right']) {
      const chosen = box.querySelector(`select.${side}`).value;
      for (const map of stage.querySelectorAll('.map')) {
        map.classList.toggle(`is-${side}`, map.dataset.name === chosen);
      }
    }
  };
  for (const select of box.querySelectorAll('select')) select.addEventListener('change', show);
  const follow = (name, change) => {
    const input = box.querySelector(`input.${name}`);
    input.addEventListener('input', () => change(input.value));
  };
  follow('split', (percent) => stage.style.setProperty('--split', `${percent}%`));
  follow('opacity', (percent) => stage.style.setProperty('--opacity', percent / 100));
}
