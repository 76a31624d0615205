import pytest
from torch import nn

from mmuda.utils.signatures import arguments_of


class Base:
    def __init__(self, first, second=2):
        pass


class HandsOn(Base):
    def __init__(self, own, **kwargs):
        kwargs.setdefault('second', 3)
        if 'extra' in kwargs:
            kwargs.pop('extra')
        super().__init__(**kwargs)


class Between(HandsOn):
    """Has no constructor of its own."""


class ByName(Base):
    def __init__(self, own, **rest):
        Base.__init__(self, **rest)


class Keeps(Base):
    def __init__(self, own, **kwargs):
        self.kwargs = kwargs
        super().__init__(**kwargs)


class Ignores(Base):
    def __init__(self, own, **kwargs):
        super().__init__(own)


class Settles(Base):
    def __init__(self, own, **kwargs):
        super().__init__(first=own, **kwargs)


class Network(nn.Module):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)


def function(a, *, b, **kwargs):
    return kwargs


def closed_function(a, b=1):
    pass


@pytest.mark.parametrize(
    ('target', 'names', 'closed'),
    [
        (Base, ('first', 'second'), True),
        (HandsOn, ('own', 'second', 'extra', 'first'), True),
        (Between, ('own', 'second', 'extra', 'first'), True),
        (ByName, ('own', 'first', 'second'), True),
        (Settles, ('own', 'second'), True),
        (Keeps, ('own',), False),
        (Ignores, ('own',), True),
        (Network, ('width',), True),
        (function, ('a', 'b'), False),
        (closed_function, ('a', 'b'), True),
        (dict, (), False),
    ],
)
def test_arguments_with_those_of_base_classes(target, names, closed):
    found = arguments_of(target)
    assert (set(found.names), found.closed) == (set(names), closed)
    assert found.names[:1] == names[:1]  # its own come first
