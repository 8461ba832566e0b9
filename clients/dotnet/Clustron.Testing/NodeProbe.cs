using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Clustron.Testing;

/// <summary>Asks one node one thing, on a connection of its own.</summary>
internal static class NodeProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly HashSet<int> Taken = [];

    /// <summary>The fields of INFO's paxos section; null: no answer, or it still loads.</summary>
    public static async Task<IReadOnlyDictionary<string, string>?> InfoAsync(int port)
    {
        string? text = await CallAsync(port, "*2\r\n$4\r\nINFO\r\n$5\r\npaxos\r\n").ConfigureAwait(false);
        if (text is null || !text.StartsWith('$')) return null;
        var fields = new Dictionary<string, string>();
        foreach (string line in text.Split("\r\n"))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) fields[line[..colon]] = line[(colon + 1)..];
        }
        return fields;
    }

    /// <summary>A write is acknowledged.</summary>
    public static async Task<bool> WritesAsync(int port) =>
        await CallAsync(port, "*2\r\n$3\r\nDEL\r\n$11\r\n__testing__\r\n").ConfigureAwait(false) is { } reply && reply.StartsWith(':');

    /// <summary>
    /// Free now, together with the peers' ports, and no other server's of this process until <see cref="GiveBack"/>: a node that is down
    /// for a while keeps its port.
    /// </summary>
    public static int[] TakePorts(int count, (int First, int Last) range)
    {
        for (int attempt = 0; attempt < 200; ++attempt)
        {
            int first = Random.Shared.Next(range.First, range.Last - count);
            int[] ports = [.. Enumerable.Range(first, count)];
            lock (Taken)
            {
                if (ports.Any(Taken.Contains) || !ports.All(p => IsFree(p) && IsFree(p + 10000))) continue;
                Taken.UnionWith(ports);
                return ports;
            }
        }
        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"There are no {count} free ports between {range.First} and {range.Last}."));
    }

    public static void GiveBack(IEnumerable<int> ports)
    {
        lock (Taken) Taken.ExceptWith(ports);
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The reply's bytes as text: a line, or a whole bulk string.</summary>
    private static async Task<string?> CallAsync(int port, string request)
    {
        using var stop = new CancellationTokenSource(Patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, stop.Token).ConfigureAwait(false);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request), stop.Token).ConfigureAwait(false);
            var text = new StringBuilder();
            byte[] buffer = new byte[4096];
            while (!IsWhole(text))
            {
                int n = await stream.ReadAsync(buffer, stop.Token).ConfigureAwait(false);
                if (n == 0) return null;
                text.Append(Encoding.ASCII.GetString(buffer, 0, n));
            }
            return text.ToString();
        }
        catch (Exception error) when (error is SocketException or IOException or OperationCanceledException)
        {
            return null;
        }
    }

    private static bool IsWhole(StringBuilder text)
    {
        string all = text.ToString();
        int line = all.IndexOf("\r\n", StringComparison.Ordinal);
        if (line < 0) return false;
        if (all[0] != '$') return true;
        return all.Length >= line + 2 + int.Parse(all.AsSpan(1, line - 1), CultureInfo.InvariantCulture) + 2;
    }
}
