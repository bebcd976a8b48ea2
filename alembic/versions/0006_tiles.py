"""The log's hashes as they lie in tiles, and what witnesses signed."""

import sqlalchemy as sa

from alembic import op
from services.journal import guards

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def create_tile_part() -> None:
    op.create_table('tile_part',
    sa.Column('level', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('first', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('level BETWEEN 0 AND 7 AND first >= 0', name=op.f('ck_tile_part_inside_a_tree')),
    sa.CheckConstraint('octet_length(hashes) % 32 = 0 AND octet_length(hashes) > 0', name=op.f('ck_tile_part_whole_hashes')),
    sa.CheckConstraint('first % 256 + octet_length(hashes) / 32 <= 256', name=op.f('ck_tile_part_inside_a_tile')),
    sa.PrimaryKeyConstraint('level', 'first', name=op.f('pk_tile_part'))
    )


def create_cosignature() -> None:
    op.create_table('cosignature',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('vkey', sa.String(), nullable=False),
    sa.Column('line', sa.String(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['size'], ['signed_checkpoint.size'], name=op.f('fk_cosignature_size_signed_checkpoint')),
    sa.PrimaryKeyConstraint('size', 'vkey', name=op.f('pk_cosignature'))
    )


def upgrade() -> None:
    create_tile_part()
    create_cosignature()
    for statement in guards.CREATE_TILES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table('cosignature')
    op.drop_table('tile_part')
