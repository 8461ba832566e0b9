using System.Runtime.CompilerServices;
using StackExchange.Redis;

namespace Clustron.Internal;

/// <param name="Rows">In their order.</param>
/// <param name="Next">Where the next page begins; null: there is none.</param>
internal readonly record struct Page<T>(IReadOnlyList<T> Rows, RedisValue Next);

/// <summary>Replies that come page by page: nothing is kept on the server between two of them.</summary>
internal static class Pages
{
    private const int Rows = 500;

    /// <summary>The rows of all pages. The function is given where to begin: first null, then what the page before said.</summary>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Func<RedisValue, CancellationToken, Task<Page<T>>> read, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        RedisValue at = RedisValue.Null;
        do
        {
            Page<T> page = await read(at, cancellation).ConfigureAwait(false);
            foreach (T row in page.Rows) yield return row;
            at = page.Next;
        }
        while (!at.IsNull);
    }

    /// <summary>The rows of a LIST with LIMIT and AFTER, which takes the last row's first column.</summary>
    public static IAsyncEnumerable<T> ListAsync<T>(
        Executor executor, string name, object[] filter, int columns, Func<RedisResult[], T> row, CancellationToken cancellation) =>
        ReadAsync<T>(
            async (after, stop) =>
            {
                object[] words = ["LIST", "LIMIT", Rows, .. filter];
                Command command = Command.Of(name, after.IsNull ? words : [.. words, "AFTER", after]);
                RedisResult[] rows = (await executor.AskAsync(command, Repeat.Read, stop).ConfigureAwait(false)).Array(command);
                RedisResult[][] parts = [.. rows.Select(r => r.Array(command, columns))];
                return new Page<T>([.. parts.Select(row)], rows.Length < Rows ? RedisValue.Null : parts[^1][0].Value());
            },
            cancellation);
}
