using System.Text.RegularExpressions;
using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>The server did not understand a query, or it does not fit its index.</summary>
public sealed class IndexQueryException : ClustronException
{
    internal IndexQueryException(ClustronException error, string expression, int position) : base(error.Code, Describe(error.Message, expression, position), error) =>
        (Expression, Position) = (expression, position);

    /// <summary>As it was sent; values are <c>$p0</c> and so on.</summary>
    public string Expression { get; }

    /// <summary>Where in it, from 1 on.</summary>
    public int Position { get; }

    private static string Describe(string message, string expression, int position) =>
        $"{message} (in: {expression[..Math.Clamp(position - 1, 0, expression.Length)]}▸{expression[Math.Clamp(position - 1, 0, expression.Length)..]})";
}

/// <summary>
/// A query of an index. Immutable: each step is another query. Each page is read at one revision, on any node, and a key that is there all
/// the time comes exactly once.
/// </summary>
public sealed partial class IndexQuery
{
    /// <summary>What PURGE may delete in one entry of the log.</summary>
    private const int PurgeSlice = 4096;

    private readonly Executor _executor;
    private readonly string _index;
    private IndexFilter? _where;
    private (string Field, bool Descending)[] _sort = [];
    private int _pageSize = 1000;

    internal IndexQuery(Executor executor, string index)
    {
        ArgumentException.ThrowIfNullOrEmpty(index);
        (_executor, _index) = (executor, index);
    }

    /// <summary>Only what fits; in addition to what was said before.</summary>
    public IndexQuery Where(IndexFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        IndexQuery next = Copy();
        next._where = _where is null ? filter : _where & filter;
        return next;
    }

    /// <summary>By this field, behind those that were named before; the key decides between equals. Without any: by the bytes of the keys.</summary>
    public IndexQuery OrderBy(IndexField field, bool descending = false)
    {
        IndexQuery next = Copy();
        next._sort = [.. _sort, (field.Plain, descending)];
        return next;
    }

    /// <summary>How many rows a page has, 1 to 100,000. Default: 1,000.</summary>
    public IndexQuery PageSize(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, 100_000);
        IndexQuery next = Copy();
        next._pageSize = rows;
        return next;
    }

    /// <summary>The keys, of all pages.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public IAsyncEnumerable<RedisKey> KeysAsync(CancellationToken cancellation = default) => RowsAsync(["KEYS"], (_, row) => (RedisKey)row, cancellation);

    /// <summary>The keys with their values, of all pages; what is no string comes as its DUMP.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public IAsyncEnumerable<KeyValuePair<RedisKey, RedisValue>> ValuesAsync(CancellationToken cancellation = default) => RowsAsync(
        ["VALUES"],
        (command, row) =>
        {
            RedisResult[] parts = row.Array(command, 2);
            return KeyValuePair.Create((RedisKey)parts[0], parts[1].Value());
        },
        cancellation);

    /// <summary>The keys with fields of their hashes (any, not only the index's) or labels, of all pages.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public IAsyncEnumerable<IndexHit> FieldsAsync(IReadOnlyCollection<string> fields, CancellationToken cancellation = default) => RowsAsync(
        ["FIELDS", fields.Count, .. fields],
        (command, row) =>
        {
            RedisResult[] parts = row.Array(command, 1);
            var found = new Dictionary<string, RedisValue>();
            for (int i = 1; i + 1 < parts.Length; i += 2) found[parts[i].Text()!] = parts[i + 1].Value();
            return new IndexHit((RedisKey)parts[0], found);
        },
        cancellation);

    /// <summary>One page, for whoever keeps the cursor himself (a web page's "next").</summary>
    /// <param name="cursor">Of the page before, of the same query; null: the first page.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public async Task<IndexPage> PageAsync(string? cursor = null, CancellationToken cancellation = default)
    {
        Command command = PageCommand(["KEYS"], cursor);
        RedisResult[] page = (await AskAsync(command, cancellation).ConfigureAwait(false)).Array(command, 3);
        return new IndexPage((long)page[0], [.. page[2].Array(command).Select(key => (RedisKey)key)], page[1].Text());
    }

    /// <summary>How many match.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public async Task<long> CountAsync(CancellationToken cancellation = default)
    {
        Command command = Ask("QUERY", ["RETURN", "COUNT"]);
        return (long)(await AskAsync(command, cancellation).ConfigureAwait(false)).Array(command, 1)[0];
    }

    /// <summary>What it would visit: which condition is walked, and which are asked of what is found.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public async Task<IReadOnlyList<string>> ExplainAsync(CancellationToken cancellation = default)
    {
        Command command = Ask("EXPLAIN", Sort());
        return [.. (await AskAsync(command, cancellation).ConfigureAwait(false)).Array(command).Select(line => line.Text()!)];
    }

    /// <summary>Figures of what matches, by groups, in the order of the groups' values; without fields to group by it is one group.</summary>
    /// <exception cref="IndexQueryException">The query does not fit its index.</exception>
    public async Task<IReadOnlyList<IndexGroup>> AggregateAsync(
        IReadOnlyList<IndexField> groupBy, IReadOnlyList<Reduce> figures, CancellationToken cancellation = default)
    {
        object[] group = groupBy.Count == 0 ? [] : ["GROUP", groupBy.Count, .. groupBy.Select(f => f.Plain)];
        object[] reduce = ["REDUCE", figures.Count, .. figures.SelectMany(f => f.Field is { } field ? new[] { f.Word, field.Plain } : [f.Word])];
        Command command = Ask("AGGREGATE", [.. group, .. reduce]);
        RedisResult[] rows = (await AskAsync(command, cancellation).ConfigureAwait(false)).Array(command);
        return [.. rows.Select(row => row.Array(command, groupBy.Count + figures.Count)).Select(row =>
            new IndexGroup([.. row.Take(groupBy.Count).Select(Reply.Value)], [.. row.Skip(groupBy.Count).Select(Reply.Value)]))];
    }

    /// <inheritdoc cref="AggregateAsync(IReadOnlyList{IndexField}, IReadOnlyList{Reduce}, CancellationToken)"/>
    public Task<IReadOnlyList<IndexGroup>> AggregateAsync(IReadOnlyList<IndexField> groupBy, params Reduce[] figures) =>
        AggregateAsync(groupBy, figures, CancellationToken.None);

    /// <summary>
    /// Deletes the keys that match, in slices of at most 4,096: others may see some of them gone and some not yet. Each slice has a request
    /// id of its own. Returns how many keys it deleted.
    /// </summary>
    /// <exception cref="InvalidOperationException">It has no condition.</exception>
    /// <exception cref="LockedException">A lock guards one of the keys; what earlier slices deleted stays deleted.</exception>
    public async Task<long> PurgeAsync(CancellationToken cancellation = default)
    {
        if (_where is null) throw new InvalidOperationException("A purge needs a condition: say Where.");
        Command command = Ask("PURGE", ["LIMIT", PurgeSlice]);
        for (long deleted = 0;;)
        {
            long slice = (long)await ToldAsync(_executor.WriteAsync(command, RequestId.New(), cancellation)).ConfigureAwait(false);
            deleted += slice;
            if (slice < PurgeSlice) return deleted;
        }
    }

    private IndexQuery Copy() => (IndexQuery)MemberwiseClone();

    private object[] Sort() => _sort.Length == 0 ? [] : ["SORT", _sort.Length, .. _sort.SelectMany(s => new[] { s.Field, s.Descending ? "DESC" : "ASC" })];

    private Command PageCommand(object[] returns, RedisValue cursor) =>
        Ask("QUERY", [.. Sort(), "LIMIT", _pageSize, .. cursor.IsNull ? Array.Empty<object>() : ["AFTER", cursor], "RETURN", .. returns]);

    /// <summary><c>INDEX word name WHERE … PARAMS …</c></summary>
    private Command Ask(string word, object[] more)
    {
        var words = new List<object> { word, _index };
        IndexFilter.QueryText? text = _where?.Write();
        if (text is not null) words.AddRange(["WHERE", text.Expression]);
        words.AddRange(more);
        if (text is { Values.Count: > 0 })
        {
            words.AddRange(["PARAMS", text.Values.Count]);
            for (int i = 0; i < text.Values.Count; ++i) words.AddRange([IndexFilter.QueryText.NameOf(i), text.Values[i]]);
        }
        return Command.Of("INDEX", [.. words]);
    }

    private IAsyncEnumerable<T> RowsAsync<T>(object[] returns, Func<Command, RedisResult, T> row, CancellationToken cancellation) => Pages.ReadAsync<T>(
        async (cursor, stop) =>
        {
            Command command = PageCommand(returns, cursor);
            RedisResult[] page = (await AskAsync(command, stop).ConfigureAwait(false)).Array(command, 3);
            return new Page<T>([.. page[2].Array(command).Select(r => row(command, r))], page[1].Value());
        },
        cancellation);

    private Task<RedisResult> AskAsync(Command command, CancellationToken cancellation) => ToldAsync(_executor.AskAsync(command, Repeat.Read, cancellation));

    /// <summary>An error that names a place names it within the expression.</summary>
    private async Task<RedisResult> ToldAsync(Task<RedisResult> asked)
    {
        try
        {
            return await asked.ConfigureAwait(false);
        }
        catch (ClustronException error) when (_where is not null && Place().Match(error.Message) is { Success: true } place)
        {
            int position = int.Parse(place.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
            throw new IndexQueryException(error, _where.ToString(), position);
        }
    }

    [GeneratedRegex(@"^ERR (?:syntax error|WHERE) at (\d{1,6}): ")]
    private static partial Regex Place();
}
